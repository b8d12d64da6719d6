"""The tour of the README, by a client that openapi-python-client made from the description."""
import datetime
import sys
import uuid

from hub_client import AuthenticatedClient, Client
from hub_client.api.clients import create_client
from hub_client.api.instances import issue_instance, suspend_instance
from hub_client.api.instance import activate, get_self, send_report
from hub_client.api.telemetry import list_tool_usage
from hub_client import models

url, admin_key = sys.argv[1], sys.argv[2]
admin = AuthenticatedClient(base_url=url, token=admin_key)
created = create_client.sync(client=admin, body=models.NewClient(name="Tour GmbH", slug="tour"))
assert isinstance(created, models.Client) and created.slug == "tour", created
again = create_client.sync(client=admin, body=models.NewClient(name="Tour GmbH", slug="tour"))
assert isinstance(again, models.Problem) and again.code == "client_exists", again
issued = issue_instance.sync("tour", client=admin, body=models.NewInstance(instance_id="tour-prod"))
assert isinstance(issued, models.IssuedInstance), issued
body = models.ActivateRequest(license_key=issued.license_key)
activated = activate.sync(client=Client(base_url=url), body=body)
assert activated.instance_id == "tour-prod" and activated.certificate, activated
instance = AuthenticatedClient(
    base_url=url, token=activated.hub_api_key, prefix="", auth_header_name="X-Hub-Api-Key")
own = get_self.sync(client=instance)
assert own.valid and own.effective_status == models.EffectiveStatus.ACTIVE, own
now = datetime.datetime.now(datetime.timezone.utc)
report = models.Report(report_id=uuid.uuid4(), window_start=now, window_end=now, tools=[
    models.ReportToolsItem(name="browser.navigate", calls=12, durations_ms=[12, 40.5])])
taken = send_report.sync("tour-prod", client=instance, body=report)
assert isinstance(taken, models.Accepted) and not taken.duplicate, taken
usage = list_tool_usage.sync(client=admin)
assert sum(row.calls for row in usage.items) == 12, usage
suspended = suspend_instance.sync("tour-prod", client=admin, body=models.SuspendRequest(reason="unpaid"))
assert suspended.status == models.InstanceStatus.SUSPENDED, suspended
own = get_self.sync(client=instance)
assert not own.valid and own.code == "instance_suspended", own
print("toured")
