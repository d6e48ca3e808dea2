//! Whatever fails, and in whatever order: at most one current manifest per study, and in the end exactly one that lists
//! what there is.

use crate::bench::{SECOND, wait};
use crate::fakes::{Act, silence};
use crate::publish::{MAX_DELAY, Network, QUIET};
use actors::Fault;
use model::Invalid;
use proptest::prelude::*;
use store::{JobState, StoreExt};

const STUDIES: [&str; 2] = ["2.25.1", "2.25.2"];

#[derive(Clone, Debug)]
enum Step {
    /// The next instance of a study.
    Receive(usize),
    /// The newest instance of a study is taken back; the first never is, so that there is always something to list.
    TakeBack(usize),
    Provide(Act),
    Find(Act),
    Feed(Act),
    Turn,
    Pass(i64),
    /// What was on its way all the time arrives.
    Arrive,
    Restart,
    Replay,
}

fn failure() -> impl Strategy<Value = Act> {
    let refused = Fault::InvalidMetadata(Invalid::new("DocumentEntry.typeCode", "must be another", ""));
    prop_oneof![
        2 => Just(Act::Answer),
        2 => Just(Act::LoseRequest),
        3 => Just(Act::LoseAnswer),
        1 => Just(Act::Late),
        1 => Just(Act::Refuse(refused)),
        1 => Just(Act::Refuse(Fault::Busy)),
        1 => Just(Act::Refuse(silence())),
        2 => Just(Act::HangAfter),
        1 => Just(Act::HangBefore),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let query = prop_oneof![Just(Act::Answer), Just(Act::LoseRequest), Just(Act::Partly), Just(Act::HangBefore)];
    prop_oneof![
        5 => (0..STUDIES.len()).prop_map(Step::Receive),
        1 => (0..STUDIES.len()).prop_map(Step::TakeBack),
        5 => failure().prop_map(Step::Provide),
        2 => query.prop_map(Step::Find),
        1 => failure().prop_map(Step::Feed),
        8 => Just(Step::Turn),
        6 => prop_oneof![Just(SECOND), Just(QUIET), Just(31 * SECOND), Just(MAX_DELAY)].prop_map(Step::Pass),
        1 => Just(Step::Arrive),
        1 => Just(Step::Restart),
        1 => Just(Step::Replay),
    ]
}

/// What a study should list in the end.
#[derive(Default)]
struct Expected {
    received: usize,
    listed: Vec<String>,
}

fn run(steps: &[Step]) {
    let mut network = Network::in_memory();
    let mut expected: [Expected; 2] = Default::default();
    for step in steps {
        match step {
            Step::Receive(n) => {
                let study = &mut expected[*n];
                study.received += 1;
                let instance = format!("{}.9.{}", STUDIES[*n], study.received);
                network.receive(STUDIES[*n], &instance);
                study.listed.push(instance);
            }
            Step::TakeBack(n) if expected[*n].listed.len() > 1 => {
                let instance = expected[*n].listed.pop().unwrap();
                network.hold(STUDIES[*n], &instance, Some("rejected"));
            }
            Step::TakeBack(_) => {}
            Step::Provide(act) => network.repository.on_provide.plan([act.clone()]),
            Step::Find(act) => network.registry.on_find.plan([act.clone()]),
            Step::Feed(act) => network.identity.on_feed.plan([act.clone()]),
            Step::Turn => network.turn_until_hung(),
            Step::Pass(micros) => network.pass(*micros),
            Step::Arrive => wait(network.repository.arrive(&network.here.cx)),
            Step::Restart => network.restart(),
            Step::Replay => replay(&network),
        }
        // `current` fails when there are two.
        STUDIES.iter().for_each(|study| drop(network.current(study)));
    }
    network.repository.on_provide.clear();
    network.registry.on_find.clear();
    network.identity.on_feed.clear();
    network.restart();
    replay(&network);
    for _ in 0..4 {
        network.pass(MAX_DELAY);
        network.turn_until_hung();
        STUDIES.iter().for_each(|study| drop(network.current(study)));
    }
    wait(network.repository.arrive(&network.here.cx));
    for (study, expected) in STUDIES.iter().zip(&expected) {
        let expected = (expected.received > 0).then(|| expected.listed.clone());
        assert_eq!(network.current(study), expected, "{study}");
        assert_eq!(network.served(study), expected.unwrap_or_default(), "{study}");
    }
    assert!(network.jobs(JobState::Failed).is_empty() && network.jobs(JobState::Queued).is_empty());
}

fn replay(network: &Network) {
    let now = network.here.cx.now_unix_micros();
    network.here.store.write_blocking(move |tx| tx.replay(None, now)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn at_most_one_manifest_is_current_whatever_fails(steps in proptest::collection::vec(step(), 1..40)) {
        run(&steps);
    }
}
