//! What anything else can send: the names of images, as they are pulled here.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{NoImage, Payload, Proof, Pushed, Told};

/// The header of the code.
const SIGNATURE: &str = "x-sluicegate-signature";

/// A notification of anything that pushes: one image, or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenericEvent {
    /// An image: REPOSITORY[:TAG][@DIGEST].
    image: Option<String>,
    /// Several of them, at most 64.
    #[serde(default)]
    images: Vec<String>,
}

impl Payload for GenericEvent {
    const PROOF: Proof = Proof::SaidOrSigned(SIGNATURE);

    fn told(self) -> Result<Told, NoImage> {
        let images: Vec<String> = self.image.into_iter().chain(self.images).collect();
        if images.is_empty() {
            return Err(NoImage::Lacks("image"));
        }
        let pushed = images.iter().map(|image| Pushed::as_pulled(image));
        pushed.collect::<Result<_, _>>().map(Told::Pushed)
    }
}
