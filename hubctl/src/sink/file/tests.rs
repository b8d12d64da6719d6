use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use hub_core::exit::Exit;

const LICENSE: &str = "lb_inst_00000000000000000000000000000000";

fn whole(path: &Path, open: bool) -> Result<FileSink> {
    FileSink::reserve(path, Slot::Whole, open)
}

fn variable(path: &Path) -> FileSink {
    FileSink::reserve(path, Slot::Line("KEY".parse().unwrap()), false).unwrap()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A file that only its owner can read.
fn own(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn content(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_key_is_put_for_its_owner_alone() {
    let folder = folder();
    let path = folder.path().join("key");
    let mut sink = whole(&path, false).unwrap();
    assert!(sink.found().is_none());
    sink.put(LICENSE).unwrap();
    assert_eq!(content(&path), LICENSE);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let again = whole(&path, false).unwrap();
    assert_eq!(again.found(), Some(LICENSE));
    drop((sink, again));
    assert_eq!(files(folder.path()), 1, "nothing else is left behind");
}

#[test]
fn a_refused_key_leaves_the_sink_as_it_was() {
    let folder = folder();
    let path = folder.path().join("key");
    let mut sink = whole(&path, false).unwrap();
    sink.put(LICENSE).unwrap();
    sink.restore();
    assert!(!path.exists());
    own(&path, "lb_inst_11111111111111111111111111111111\n");
    let mut sink = whole(&path, false).unwrap();
    sink.put(LICENSE).unwrap();
    sink.restore();
    assert_eq!(content(&path), "lb_inst_11111111111111111111111111111111\n");
}

#[test]
fn another_runs_key_is_never_overwritten() {
    let folder = folder();
    let path = folder.path().join("key");
    let mut sink = whole(&path, false).unwrap();
    own(&path, "theirs");
    assert_eq!(sink.put(LICENSE).unwrap_err().exit(), Exit::SinkFailed);
    assert_eq!(content(&path), "theirs");
}

#[test]
fn what_is_not_a_safe_place_is_refused() {
    let folder = folder();
    let refused = |path: &Path, open| whole(path, open).unwrap_err().exit();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("elsewhere", &link).unwrap();
    assert_eq!(refused(&link, true), Exit::SinkFailed);
    assert_eq!(refused(folder.path(), true), Exit::SinkFailed);
    assert_eq!(refused(&folder.path().join("none/key"), true), Exit::SinkFailed);
    let key = folder.path().join("key");
    for (mode, taken) in [(0o777, false), (0o770, false), (0o1777, false), (0o755, true)] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(whole(&key, false).is_ok(), taken, "{mode:o}");
        assert!(whole(&key, true).is_ok(), "{mode:o}");
    }
}

#[test]
fn what_a_killed_run_left_is_replaced_and_a_running_one_is_not() {
    let folder = folder();
    let path = folder.path().join("key");
    fs::write(folder.path().join(".key.hubctl"), "half a k").unwrap();
    let mut first = whole(&path, false).unwrap();
    let busy = whole(&path, false).unwrap_err();
    assert_eq!((busy.exit(), busy.exit().retryable()), (Exit::SinkFailed, true));
    assert!(whole(&folder.path().join("other"), false).is_ok());
    first.put(LICENSE).unwrap();
    drop(first);
    assert_eq!((content(&path).as_str(), files(folder.path())), (LICENSE, 1));
}

#[test]
fn a_variable_leaves_the_rest_of_its_file_alone() {
    let folder = folder();
    let path = folder.path().join(".env");
    own(&path, "A=1\nKEY=old\n");
    let mut sink = variable(&path);
    assert_eq!(sink.found(), Some("old"));
    // Somebody else's line that comes in between stays.
    own(&path, "A=1\nKEY=old\nB=2\n");
    sink.put(LICENSE).unwrap();
    assert_eq!(content(&path), format!("A=1\nKEY={LICENSE}\nB=2\n"));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    sink.restore();
    assert_eq!(content(&path), "A=1\nKEY=old\nB=2\n");
    let mut late = variable(&path);
    own(&path, "KEY=theirs\n");
    assert_eq!(late.put(LICENSE).unwrap_err().exit(), Exit::SinkFailed);
    assert_eq!(content(&path), "KEY=theirs\n");
}

/// A pipe that a stranger put beside the sink would never end; a link would lead elsewhere.
#[test]
fn what_lies_beside_the_sink_is_neither_waited_for_nor_followed() {
    let folder = folder();
    let path = folder.path().join("key");
    let beside = folder.path().join(".key.hubctl");
    let made = std::process::Command::new("mkfifo").arg(&beside).status().unwrap();
    assert!(made.success());
    drop(whole(&path, false).unwrap());
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &beside).unwrap();
    whole(&path, false).unwrap().put(LICENSE).unwrap();
    assert_eq!((content(&path).as_str(), files(folder.path())), (LICENSE, 1));
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(whole(&path, true).unwrap_err().exit(), Exit::SinkFailed);
    assert!(peek(&path, &Slot::Whole).is_none());
}

#[test]
fn a_file_that_others_can_read_is_not_taken_over() {
    let folder = folder();
    let path = folder.path().join("key");
    for (mode, taken) in [(0o644, false), (0o640, false), (0o620, false), (0o600, true)] {
        own(&path, "");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(whole(&path, true).is_ok(), taken, "{mode:o}");
    }
}

/// Between the making of a file and its lock, another run takes it for one that a killed run has left.
#[test]
fn of_two_runs_at_once_one_is_refused() {
    let folder = folder();
    let path = folder.path().join("key");
    let open = Folder::around(&path).unwrap();
    let beside = folder::beside(Path::new("key"));
    let slow = open.create(&beside).unwrap();
    let mut other = whole(&path, false).unwrap();
    assert!(claimed(slow).is_err(), "its file was taken away");
    let refused = whole(&path, false).unwrap_err();
    assert!(refused.parts().message.contains("another run"), "{}", refused.parts().message);
    other.put(LICENSE).unwrap();
    assert_eq!(content(&path), LICENSE);
}

#[test]
fn what_another_run_has_put_stays() {
    let folder = folder();
    let path = folder.path().join("key");
    let mut sink = whole(&path, false).unwrap();
    sink.put(LICENSE).unwrap();
    let other = folder.path().join("other");
    own(&other, "lb_inst_11111111111111111111111111111111");
    fs::rename(&other, &path).unwrap();
    sink.restore();
    assert_eq!(content(&path), "lb_inst_11111111111111111111111111111111");
}
