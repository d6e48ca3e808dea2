//! Blobs and instance files: what is finished is whole, what is not leaves nothing, and a full disk says so.

use crate::samples::{sop, study};
use std::fs;
use std::path::Path;
use store::{BlobStore, FileBlobs, FileOptions, InstanceFiles, Sha256, StoreError, Swept, digest_of};

fn files_below(folder: &Path) -> usize {
    let mut count = 0;
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        count += if path.is_dir() { files_below(&path) } else { 1 };
    }
    count
}

fn limited(max_octets: u64) -> FileOptions {
    FileOptions { max_octets: Some(max_octets) }
}

#[test]
fn a_blob_is_named_by_its_content_and_comes_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FileBlobs::open(folder.path(), FileOptions::default()).unwrap();
    let bytes: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    let mut writer = blobs.create().unwrap();
    for part in bytes.chunks(777) {
        writer.write(part).unwrap();
    }
    let blob = writer.finish().unwrap();
    assert_eq!(blob, digest_of(&bytes));
    assert_eq!(blob.size_octets, 100_000);
    let reader = blobs.open(&blob.sha256).unwrap().unwrap();
    assert_eq!(reader.size_octets(), 100_000);
    let mut part = [0; 5];
    assert_eq!(reader.read_at(99_998, &mut part).unwrap(), 2);
    assert_eq!(part[..2], bytes[99_998..]);
    assert_eq!(reader.read_at(u64::MAX, &mut part).unwrap_or(0), 0);
    // The same bytes again are the same blob.
    assert_eq!(blobs.put(&bytes).unwrap(), blob);
    assert_eq!(files_below(folder.path()), 1);
    blobs.remove(&blob.sha256).unwrap();
    blobs.remove(&blob.sha256).unwrap();
    assert!(!blobs.contains(&blob.sha256).unwrap());
    assert!(blobs.open(&blob.sha256).unwrap().is_none());
}

#[test]
fn the_known_digests_of_nothing() {
    let nothing = digest_of(b"");
    assert_eq!(nothing.sha1.as_str(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(nothing.sha256.to_string(), hex);
    assert_eq!(Sha256::parse(hex), Some(nothing.sha256));
    assert_eq!(Sha256::parse(&hex.to_uppercase()), None);
    assert_eq!(Sha256::parse(&hex[1..]), None);
}

#[test]
fn an_abandoned_blob_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FileBlobs::open(folder.path(), limited(100)).unwrap();
    for _ in 0..3 {
        let mut writer = blobs.create().unwrap();
        writer.write(&[1; 90]).unwrap();
        drop(writer);
    }
    assert_eq!(files_below(folder.path()), 0);
    blobs.put(&[2; 100]).unwrap();
}

#[test]
fn a_full_disk_refuses_the_new_and_keeps_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FileBlobs::open(folder.path(), limited(1000)).unwrap();
    let kept = blobs.put(&[1; 600]).unwrap();
    let mut writer = blobs.create().unwrap();
    writer.write(&[2; 300]).unwrap();
    assert!(matches!(writer.write(&[2; 300]), Err(StoreError::Full(_))));
    drop(writer);
    assert!(matches!(blobs.put(&[3; 401]), Err(StoreError::Full(_))));
    assert!(blobs.contains(&kept.sha256).unwrap());
    drop(blobs);
    // The limit counts what is there already.
    let blobs = FileBlobs::open(folder.path(), limited(1000)).unwrap();
    assert!(matches!(blobs.put(&[3; 401]), Err(StoreError::Full(_))));
    blobs.remove(&kept.sha256).unwrap();
    blobs.put(&[3; 401]).unwrap();
}

#[test]
fn a_sweep_takes_what_a_crash_left_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FileBlobs::open(folder.path(), FileOptions::default()).unwrap();
    let kept = blobs.put(b"kept").unwrap();
    let orphan = blobs.put(b"orphan").unwrap();
    fs::write(folder.path().join("unfinished").join("1-1"), b"half").unwrap();
    fs::write(folder.path().join("readme"), b"not ours").unwrap();
    let swept = blobs.sweep(&mut |blob| Ok(*blob == kept.sha256)).unwrap();
    assert_eq!(swept, Swept { unfinished: 1, orphans: 1, octets: 10 });
    assert!(blobs.contains(&kept.sha256).unwrap());
    assert!(!blobs.contains(&orphan.sha256).unwrap());
    assert!(folder.path().join("readme").exists());
}

#[test]
fn many_threads_store_blobs_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FileBlobs::open(folder.path(), FileOptions::default()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let blobs = &blobs;
            scope.spawn(move || {
                for n in 0..10u8 {
                    // Half of the contents are stored by every thread.
                    let content = if n % 2 == 0 { [0, n] } else { [thread, n] };
                    blobs.put(&content).unwrap();
                }
            });
        }
    });
    assert_eq!(files_below(folder.path()), 5 + 4 * 5);
}

#[test]
fn other_bytes_under_the_same_identity_do_not_replace_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let files = InstanceFiles::open(folder.path(), FileOptions::default()).unwrap();
    let store = |bytes: &[u8]| {
        let mut writer = files.create().unwrap();
        writer.write(bytes).unwrap();
        writer.finish(&study("2.25.1"), &sop("2.25.1.1")).unwrap()
    };
    let first = store(b"first");
    assert_eq!(store(b"first"), first);
    let other = store(b"other");
    assert_ne!(first.name, other.name);
    let mut bytes = [0; 5];
    files.open_file(&first.name).unwrap().unwrap().read_at(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"first");
    files.remove(&other.name).unwrap();
    assert!(files.open_file(&other.name).unwrap().is_none());
    let swept = files.sweep(&mut |name| Ok(name == first.name)).unwrap();
    assert_eq!(swept, Swept::default());
    let swept = files.sweep(&mut |_| Ok(false)).unwrap();
    assert_eq!(swept, Swept { unfinished: 0, orphans: 1, octets: 5 });
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let files = InstanceFiles::open(folder.path(), FileOptions::default()).unwrap();
    for name in ["", "../a/b", "a/../b", "/a/b", "a/b/", "a//b", "a/b", "a/b/c/d", "a/b\\c/d", "a/.b/c", "a/b/c\0"] {
        let refused = files.path(name);
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{name:?}: {refused:?}");
        assert!(files.remove(name).is_err());
    }
}
