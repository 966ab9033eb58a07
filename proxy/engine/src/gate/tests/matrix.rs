//! Every way of asking for a manifest, in every state, in both modes; and no blob before its time.

use super::images::{Image, bad, good};
use super::stage::Stage;
use crate::gate::GateMode::{self, Hold, Stream};

/// What is known of the image when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing.
    Cold,
    /// Its verdict.
    Judged,
    /// Nothing, and its upstream withholds a layer.
    Scanned,
    /// The same, of what has left before.
    ScannedAgain,
}

use State::{Cold, Judged, Scanned, ScannedAgain};

async fn in_state(mode: GateMode, state: State, image: &Image) -> Stage {
    let stage = Stage::with(mode, image);
    match state {
        Cold => {}
        Judged => stage.judge("app", "1").await,
        Scanned => stage.withhold(&image.layers[0].digest()),
        ScannedAgain => {
            stage.mark_left("app", &image.digest()).await;
            stage.withhold(&image.layers[0].digest());
        }
    }
    stage
}

/// What the contract says of a manifest: to whoever comes back, and to whoever does not.
fn wanted(mode: GateMode, state: State, head: bool, is_good: bool) -> [&'static str; 2] {
    let decided = if is_good { "serve allow" } else { "refuse" };
    match (mode, state, head) {
        (_, Judged, _) | (Hold, Cold, _) => [decided; 2],
        (Stream, _, _) => ["serve"; 2],
        (Hold, Scanned, true) => ["ComesBack", "announce"],
        (Hold, ScannedAgain, true) => ["ComesBack", "ForGood"],
        (Hold, Scanned | ScannedAgain, false) => ["ComesBack", "drip"],
    }
}

#[tokio::test(start_paused = true)]
async fn head_and_get_by_tag_and_digest_in_every_state_and_mode() {
    for mode in [Hold, Stream] {
        for state in [Cold, Judged, Scanned, ScannedAgain] {
            for (image, is_good) in [(good("image"), true), (bad("image"), false)] {
                for (head, by_tag) in [(true, true), (true, false), (false, true), (false, false)] {
                    let digest = image.digest().to_string();
                    let reference = if by_tag { "1" } else { digest.as_str() };
                    let wanted = wanted(mode, state, head, is_good);
                    for (comes_back, wanted) in [(true, wanted[0]), (false, wanted[1])] {
                        let stage = in_state(mode, state, &image).await;
                        let asked = stage.impatient("app", head, comes_back);
                        let answer = stage.manifest(&asked, reference).await;
                        let row = format!("{mode:?} {state:?} good {is_good} {asked:?}");
                        assert_eq!(answer, wanted, "{row}");
                        // A line for each answer, and none for who is sent round or still waits.
                        let is_decided = !matches!(wanted, "ComesBack" | "ForGood" | "drip");
                        assert_eq!(stage.log().len(), usize::from(is_decided), "{row}");
                        stage.release();
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_byte_of_a_config_or_layer_leaves_before_the_verdict() {
    for (image, wanted) in [(good("image"), "whole"), (bad("image"), "refuse")] {
        let stage = in_state(Hold, Scanned, &image).await;
        let asked = stage.impatient("app", true, true);
        assert_eq!(stage.manifest(&asked, "1").await, "ComesBack");
        for blob in image.blobs() {
            for (head, comes_back, answer) in [
                (true, true, "ComesBack"),
                (false, true, "ComesBack"),
                (true, false, "ForGood"),
                (false, false, "ForGood"),
            ] {
                let asked = stage.impatient("app", head, comes_back);
                assert_eq!(stage.blob(&asked, &blob.digest()).await, answer);
            }
        }
        stage.release();
        for blob in image.blobs() {
            assert_eq!(stage.blob(&stage.get("app"), &blob.digest()).await, wanted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_sent_round_at_once_when_the_program_is_to_stop() {
    let image = good("stop");
    let stage = in_state(Hold, Scanned, &image).await;
    for head in [true, false] {
        let asked = stage.impatient("app", head, true);
        assert_eq!(stage.manifest(&asked, "1").await, "ComesBack");
    }
    stage.drain();
    let started = tokio::time::Instant::now();
    for asked in [stage.head("app"), stage.get("app")] {
        assert_eq!(stage.manifest(&asked, "1").await, "ComesBack");
        let blob = image.layers[0].digest();
        assert_eq!(stage.blob(&asked, &blob).await, "ComesBack");
    }
    assert_eq!(started.elapsed(), std::time::Duration::ZERO);
    stage.release();
}
