//! pynetdicom as a PACS with the habits of spec/dicom.md sections 22.3, 22.4 and 24, and worse: what it does, and what comes
//! of it at the registry and at a client.

use super::servers;
use super::{Behind, Centre, Wanted};
use crate::weather::client::until;
use std::time::{Duration, Instant};

/// What comes of a PACS.
enum Listed {
    /// The manifest lists so many instances; and stays so.
    Instances(usize),
    /// So many studies have a manifest.
    Studies(usize),
    /// Nothing is published, and the node says why in these words.
    Nothing(&'static str),
}

/// What a client gets of the study.
enum Images {
    /// What the manifest lists.
    All,
    /// A failed answer, whose sentence has these words where it can have one.
    Fails(&'static str),
    NotAsked,
}

struct Habit {
    /// AE title: the script knows what it does.
    title: &'static str,
    does: &'static str,
    more: &'static str,
    listed: Listed,
    images: Images,
}

const fn habit(title: &'static str, does: &'static str, listed: Listed, images: Images) -> Habit {
    Habit { title, does, more: "", listed, images }
}

const fn with(mut habit: Habit, more: &'static str) -> Habit {
    habit.more = more;
    habit
}

use Images::{All, Fails, NotAsked};
use Listed::{Instances, Nothing, Studies};

const HABITS: &[Habit] = &[
    habit("GOOD", "nothing unusual", Instances(3), All),
    habit("NO_CLASS", "says no SOP class of its instances", Instances(3), All),
    habit("BARE", "answers nothing but unique keys, patient id, date and modality", Instances(3), All),
    with(
        habit("LATIN1", "writes Latin-1 and does not say so", Instances(3), All),
        "quirks = [\"character-set ISO_IR 100\"]",
    ),
    with(
        habit("PICKY", "refuses a question with a key that it does not know", Instances(3), All),
        "quirks = [\"without 0008,1032\"]",
    ),
    habit("SLOW", "takes its time for each answer and each image", Instances(3), All),
    habit("A700", "runs out of resources in the middle of an answer", Nothing("A700"), NotAsked),
    habit("ABORT_FIND", "breaks off in the middle of an answer", Nothing("abort"), NotAsked),
    habit("BROKEN", "sends an answer that cannot be read", Nothing("cannot be read"), NotAsked),
    habit("REFUSES", "refuses associations", Nothing("called AE title not recognized"), NotAsked),
    habit("IMAGELESS", "lists no instance of a series that has some", Instances(3), All),
    habit("MORE", "lists another study's things too", Instances(3), All),
    habit("ELSEWHERE", "talks of another study whatever is asked for", Instances(3), NotAsked),
    with(habit("CAP", "stops after 100 studies without a word", Studies(130), NotAsked), "window_days = 2"),
    habit("TWICE", "gives every answer twice", Instances(3), All),
    habit("LEVEL", "names the wrong level in its answers", Instances(3), All),
    habit("DATES", "writes dates with dots and times with colons", Instances(3), All),
    habit("ZERO", "counts no instance", Instances(3), All),
    habit("OPTIONAL", "says that it bears optional keys not", Instances(3), All),
    habit("MISS_ONCE", "forgets an instance once", Instances(3), All),
    habit("FORGETS", "has lost its index and says so without an error", Instances(3), NotAsked),
    with(habit("ONE", "bears one association at a time", Instances(3), All), "quirks = [\"one-association\"]"),
    habit("NOTHING", "says that all was sent and sends nothing", Instances(3), Fails("did not send")),
    habit("MOVE_A702", "cannot send for want of resources", Instances(3), Fails("A702")),
    habit("UNKNOWN", "does not know whom to send to", Instances(3), Fails("A801")),
    habit("ABORT_MOVE", "breaks off after the first image", Instances(3), Fails("")),
    with(habit("STALL", "stops after the first image", Instances(3), Fails("")), "idle_ms = 1500"),
    habit("SHORT", "sends two of three, the third when asked for it by its name", Instances(3), All),
    habit("NEVER", "sends two of three, however it is asked", Instances(3), Fails("")),
    habit("OTHER", "sends objects under other names", Instances(3), Fails("did not send")),
    habit("NO_PENDING", "sends everything, says nothing meanwhile and counts nothing", Instances(3), All),
    habit("TWO_SERIES", "nothing unusual, with two series", Instances(5), All),
];

/// The study of a PACS: its UID follows from the title.
fn study_uid(title: &str) -> String {
    let number = title.bytes().fold(0_u128, |number, octet| (number << 8) | u128::from(octet));
    format!("2.25.{number}")
}

#[test]
fn a_nasty_pacs_is_borne_or_seen_through() {
    let titles: Vec<&str> = HABITS.iter().map(|habit| habit.title).collect();
    let Some(nasty) = servers::nasty(&titles) else { return };
    let centre = Centre::start();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(habit) = HABITS.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let began = Instant::now();
                    let address = &nasty.addresses[habit.title];
                    let outcome =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(habit, address, &centre)));
                    eprintln!("{} ({}): {:?}", habit.title, habit.does, began.elapsed());
                    if outcome.is_err() {
                        failed.lock().unwrap_or_else(|e| e.into_inner()).push(habit.title);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(|e| e.into_inner());
    assert!(failed.is_empty(), "{failed:?}");
}

fn check(habit: &Habit, address: &str, centre: &Centre) {
    let port = centre.port();
    let destination = format!("P{port}");
    let mut more =
        format!("poll_ms = 250\nconfirm_missing = {{ queries = 2, apart_ms = 300 }}\nreconcile_ms = 0\n{}", habit.more);
    if !more.contains("window_days") {
        more.push_str("\nwindow_days = 2");
    }
    let name = format!("nasty-{}", habit.title.to_lowercase().replace('_', "-"));
    let wanted =
        Wanted { name: &name, address, ae_title: habit.title, move_to: Some((&destination, port)), more: &more };
    let proxy = centre.serve(&wanted);
    let study = study_uid(habit.title);
    match habit.listed {
        Instances(count) => {
            centre.await_instances("P0001", &study, count);
        }
        Studies(count) => {
            until("all studies are published", || {
                (proxy.client.status()["studies"]["published"] == count).then_some(())
            });
        }
        Nothing(words) => {
            until("the node says why", || {
                let fault = proxy.pacs()["fault"].as_str()?.to_owned();
                fault.to_lowercase().contains(&words.to_lowercase()).then_some(())
            });
            polls(&proxy, 3);
            assert_eq!(centre.listed("P0001", &study), None, "{}", habit.title);
            let (status, page) = proxy.client.get("/console").expect("the console");
            assert_eq!(status, 200);
            assert!(page.contains("1 peer is down"), "{}: {page}", habit.title);
            assert!(page.to_lowercase().contains(&words.to_lowercase()), "{}: {page}", habit.title);
        }
    }
    if matches!(habit.listed, Instances(_)) {
        // The registry knows of a manifest a moment before the node knows that it does.
        until("the node knows what it published", || {
            (proxy.client.status()["studies"]["published"].as_u64()? > 0).then_some(())
        });
    }
    match habit.images {
        All => {
            let mut images = proxy.client.images(&study).expect("images");
            images.sort();
            let listed = centre.listed("P0001", &study).expect("a manifest");
            assert_eq!(images.into_iter().map(|(uid, _)| uid).collect::<Vec<_>>(), listed);
        }
        Fails(words) => {
            let refusal = proxy.client.images(&study).expect_err("a failure, never a short success").to_string();
            assert!(refusal.contains(words), "{}: {refusal}", habit.title);
        }
        NotAsked => {}
    }
    // What is published stays as it is, however long it goes on.
    if let Instances(count) = habit.listed {
        polls(&proxy, 4);
        assert_eq!(centre.listed("P0001", &study).map(|listed| listed.len()), Some(count), "{}", habit.title);
        let manifests = centre.client.manifests("P0001", &study).expect("an answer");
        assert_eq!(manifests.len(), 1, "{}: published again without a reason", habit.title);
    }
    if habit.title == "LATIN1" {
        let entry = centre.client.current_manifests("P0001", &study).expect("an answer").pop().expect("a manifest");
        assert_eq!(entry.title.value(), Some("CT Schädel"));
    }
}

/// Lets the proxy poll so often more, as far as the PACS answers.
fn polls(_: &Behind, times: u32) {
    std::thread::sleep(Duration::from_millis(300) * times);
}
