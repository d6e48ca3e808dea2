//! The audit log keeps every whole line, in order, and cuts off half of one.

use std::fs;
use std::io::Write;
use std::time::Duration;
use store::{AuditLog, AuditOptions, StoreError};

const DAY: i64 = 86_400_000_000;

fn lines(log: &AuditLog) -> Vec<String> {
    log.lines().unwrap().map(|line| String::from_utf8(line.unwrap()).unwrap()).collect()
}

#[test]
fn lines_come_back_in_the_order_of_their_appending_over_days_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path(), AuditOptions::default()).unwrap();
    log.append(0, b"one").unwrap();
    log.append_durably(DAY, b"two").unwrap();
    // A clock that went back does not put a line before an earlier one.
    log.append(0, b"three").unwrap();
    log.sync().unwrap();
    assert_eq!(lines(&log), ["one", "two", "three"]);
    drop(log);
    let log = AuditLog::open(folder.path(), AuditOptions { sync_within: Duration::ZERO }).unwrap();
    log.append(DAY, b"four").unwrap();
    log.append(2 * DAY, "fünf".as_bytes()).unwrap();
    log.append(2 * DAY, b"").unwrap();
    assert_eq!(lines(&log), ["one", "two", "three", "four", "fünf", ""]);
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["19700101-0001.log", "19700102-0001.log", "19700103-0001.log"]);
}

#[test]
fn half_a_line_is_cut_off_when_the_log_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path(), AuditOptions::default()).unwrap();
    log.append(0, b"whole").unwrap();
    drop(log);
    let path = folder.path().join("19700101-0001.log");
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"ha").unwrap();
    let log = AuditLog::open(folder.path(), AuditOptions::default()).unwrap();
    log.append(0, b"next").unwrap();
    assert_eq!(lines(&log), ["whole", "next"]);
}

#[test]
fn a_line_feed_or_an_endless_line_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path(), AuditOptions::default()).unwrap();
    assert!(matches!(log.append(0, b"a\nb"), Err(StoreError::Refused(_))));
    assert!(matches!(log.append(0, &vec![b'a'; 1 << 20]), Err(StoreError::Refused(_))));
    assert!(lines(&log).is_empty());
}

#[test]
fn many_threads_append_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path(), AuditOptions::default()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..50 {
                    let line = format!("{thread} {n}");
                    if n % 10 == 0 { log.append_durably(0, line.as_bytes()) } else { log.append(0, line.as_bytes()) }
                        .unwrap();
                }
            });
        }
    });
    let lines = lines(&log);
    assert_eq!(lines.len(), 200);
    for thread in 0..4 {
        let of_thread: Vec<_> = lines.iter().filter_map(|l| l.strip_prefix(&format!("{thread} "))).collect();
        assert_eq!(of_thread, (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}
