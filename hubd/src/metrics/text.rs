//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};

use super::histogram::Distribution;

/// A text in the making.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a metric: its name, its kind, and a sentence about it.
    pub(super) fn metric(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// One value of a metric.
    pub(super) fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        self.labels(labels);
        self.line(format_args!(" {value}\n"));
    }

    /// A metric with one value and no labels.
    pub(super) fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.metric(name, kind, help);
        self.value(name, &[], value);
    }

    /// A histogram. Its values are divided by `unit`, in decimals.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        values: &Distribution,
        unit: f64,
    ) {
        let bucket = format!("{name}_bucket");
        for (bound, count) in &values.up_to {
            let bound = scaled(*bound, unit).to_string();
            self.value(&bucket, &[labels, &[("le", &bound)]].concat(), count);
        }
        self.value(&bucket, &[labels, &[("le", "+Inf")]].concat(), values.count);
        self.value(&format!("{name}_sum"), labels, scaled(values.sum, unit));
        self.value(&format!("{name}_count"), labels, values.count);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn labels(&mut self, labels: &[(&str, &str)]) {
        // No label holds a quote, a backslash or a newline: all are the program's own.
        for (at, (name, value)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            self.line(format_args!("{before}{name}=\"{value}\""));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.0.write_fmt(line).unwrap_or_else(|_| unreachable!("a String accepts every write"));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum of 2^53 µs is reached after centuries")]
fn scaled(value: u64, unit: f64) -> f64 {
    value as f64 / unit
}
