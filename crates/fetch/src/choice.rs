//! Which of the published models is meant, where it lies, and under which licence.

use std::{fmt, str::FromStr};

use crate::{Download, Kind, Manifest, NotAPlace, Place, Sum, ZooChoice};

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// A Hailo-8.
    Hailo8,
    /// A Hailo-8L.
    Hailo8L,
    /// The processor, through ONNX.
    Onnx,
}

impl Platform {
    /// Their names.
    pub const NAMES: [&str; 3] = ["hailo8", "hailo8l", "onnx"];

    /// As the manifest and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hailo8 => "hailo8",
            Self::Hailo8L => "hailo8l",
            Self::Onnx => "onnx",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Platform {
    type Err = ChoiceError;

    fn from_str(name: &str) -> Result<Self, ChoiceError> {
        let known = [Self::Hailo8, Self::Hailo8L, Self::Onnx];
        known
            .into_iter()
            .find(|platform| platform.name() == name)
            .ok_or_else(|| ChoiceError::UnknownPlatform {
                name: name.to_owned(),
            })
    }
}

/// What the user asks for can't be had. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// No model has this name.
    #[error("no model is called '{name}'{}, there are: {known}", did_you_mean(nearest.as_deref()))]
    UnknownName {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// All names.
        known: String,
    },
    /// Nothing that models are made for has this name.
    #[error("'{name}' is none of hailo8, hailo8l and onnx")]
    UnknownPlatform {
        /// What was asked for.
        name: String,
    },
    /// The model is not published for this.
    #[error("the manifest has no {name} for {platform}; --list shows what there is")]
    NotFor {
        /// The model.
        name: String,
        /// What it was to run on.
        platform: Platform,
    },
    /// The model is not in this zoo.
    #[error(
        "the manifest has no {name} for {chip} in {zoo}{hailort}; --list shows what there is, and \
         --zoo chooses another"
    )]
    NotInZoo {
        /// The model.
        name: String,
        /// The chip.
        chip: Platform,
        /// The zoo's version.
        zoo: String,
        /// What the zoo was chosen for.
        hailort: String,
    },
    /// There is no 8-bit variant.
    #[error("there is no quantized {name}")]
    NotQuantized {
        /// The model.
        name: String,
    },
    /// Not one sum for each file.
    #[error("{name} has {files} files: as many sums are needed, in the order {order}")]
    Sums {
        /// The model.
        name: String,
        /// How many it has.
        files: usize,
        /// Their names.
        order: String,
    },
    /// A URL that is none.
    #[error(transparent)]
    Place(#[from] NotAPlace),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean '{name}'?)"))
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The model.
    pub name: &'a str,
    /// What it is to run on.
    pub platform: Platform,
    /// Whether the 8-bit variant is wanted.
    pub quantized: bool,
    /// Where it is fetched from instead of the manifest's places. May hold `{zoo}`, `{chip}`,
    /// `{name}` and `{file}`.
    pub places: &'a [String],
    /// The sums of its files, in the manifest's order, instead of the manifest's.
    pub sums: &'a [Sum],
}

/// A model that was chosen.
#[derive(Debug)]
pub struct Asset {
    /// Its name and what it is for, in words.
    pub title: String,
    /// Its licence; `None` where the manifest does not know it.
    pub licence: Option<String>,
    /// The folder for it, below that of all models.
    pub folder: String,
    /// Its files.
    pub downloads: Vec<Download>,
}

impl Manifest {
    /// All names, each once.
    pub fn names(&self) -> Vec<&str> {
        let hefs = self.hef.iter().map(|entry| entry.name.as_str());
        let onnx = self.onnx.iter().map(|entry| entry.name.as_str());
        let mut names = Vec::new();
        for name in hefs.chain(onnx) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Checks that a model has this name.
    ///
    /// # Errors
    /// [`ChoiceError::UnknownName`].
    pub fn know(&self, name: &str) -> Result<(), ChoiceError> {
        let names = self.names();
        if names.contains(&name) {
            return Ok(());
        }
        let nearest = names
            .iter()
            .map(|&known| (strsim::damerau_levenshtein(name, known), known))
            .min()
            .filter(|&(distance, known)| distance * 3 <= known.len())
            .map(|(_, known)| known.to_owned());
        Err(ChoiceError::UnknownName {
            name: name.to_owned(),
            nearest,
            known: names.join(", "),
        })
    }

    /// Whether a model of this name is published for the CPU.
    pub fn has_onnx(&self, name: &str) -> bool {
        self.onnx.iter().any(|entry| entry.name == name)
    }

    /// Whether a model of this name is published for chips.
    pub fn has_hef(&self, name: &str) -> bool {
        self.hef.iter().any(|entry| entry.name == name)
    }

    /// Checks that a model of this name is published for this.
    ///
    /// # Errors
    /// [`ChoiceError::UnknownName`], [`ChoiceError::NotFor`].
    pub fn offers(&self, name: &str, platform: Platform) -> Result<(), ChoiceError> {
        self.know(name)?;
        let is_offered = match platform {
            Platform::Hailo8 | Platform::Hailo8L => self.has_hef(name),
            Platform::Onnx => self.has_onnx(name),
        };
        if is_offered {
            return Ok(());
        }
        Err(ChoiceError::NotFor {
            name: name.to_owned(),
            platform,
        })
    }

    /// Chooses a HEF.
    ///
    /// # Errors
    /// The request's name, chip, zoo, sums or places are wrong.
    pub fn choose_hef(&self, request: &Request<'_>, zoo: &ZooChoice) -> Result<Asset, ChoiceError> {
        let Request { name, platform, .. } = *request;
        self.offers(name, platform)?;
        let entry = self
            .hef
            .iter()
            .find(|entry| {
                entry.name == name && entry.chip == platform.name() && entry.zoo == zoo.zoo
            })
            .ok_or_else(|| ChoiceError::NotInZoo {
                name: name.to_owned(),
                chip: platform,
                zoo: zoo.zoo.clone(),
                hailort: zoo.for_hailort(),
            })?;
        if request.quantized {
            return Err(ChoiceError::NotQuantized {
                name: format!("{name} for {platform}: a HEF is 8-bit as it is"),
            });
        }
        let published = format!("{name}.hef");
        let file = OneFile {
            file: &format!("{name}.{platform}.hef"),
            published: &published,
            known: entry.sha256.as_ref(),
        };
        let downloads = downloads(request, &[file], &self.places, Kind::Hef, &zoo.zoo)?;
        Ok(Asset {
            title: format!("{name} for {platform}, zoo {}", zoo.zoo),
            licence: self.licence.get(name).cloned(),
            folder: "hef".to_owned(),
            downloads,
        })
    }

    /// Chooses an ONNX model.
    ///
    /// # Errors
    /// The request's name, variant, sums or places are wrong.
    pub fn choose_onnx(&self, request: &Request<'_>) -> Result<Asset, ChoiceError> {
        let Request {
            name, quantized, ..
        } = *request;
        self.offers(name, Platform::Onnx)?;
        let entry = self
            .onnx
            .iter()
            .find(|entry| entry.name == name && entry.quantized == quantized)
            .ok_or_else(|| ChoiceError::NotQuantized {
                name: name.to_owned(),
            })?;
        let files: Vec<_> = entry
            .files
            .iter()
            .map(|file| OneFile {
                file: &file.file,
                published: &file.published,
                known: file.sha256.as_ref(),
            })
            .collect();
        let variant = if quantized { ", 8-bit" } else { "" };
        Ok(Asset {
            title: format!("{name} as ONNX{variant}"),
            licence: Some(entry.licence.clone()),
            folder: entry.folder.clone(),
            downloads: downloads(request, &files, &entry.places, Kind::Onnx, "")?,
        })
    }
}

/// One file of a model, as the manifest has it.
struct OneFile<'a> {
    file: &'a str,
    published: &'a str,
    known: Option<&'a Sum>,
}

fn downloads(
    request: &Request<'_>,
    files: &[OneFile<'_>],
    places: &[String],
    kind: Kind,
    zoo: &str,
) -> Result<Vec<Download>, ChoiceError> {
    if !request.sums.is_empty() && request.sums.len() != files.len() {
        let order: Vec<_> = files.iter().map(|file| file.file).collect();
        return Err(ChoiceError::Sums {
            name: request.name.to_owned(),
            files: files.len(),
            order: order.join(", "),
        });
    }
    let templates = if request.places.is_empty() {
        places
    } else {
        request.places
    };
    files
        .iter()
        .enumerate()
        .map(|(index, file)| {
            let places: Result<Vec<_>, _> = templates
                .iter()
                .map(|template| {
                    let url = template
                        .replace("{zoo}", zoo)
                        .replace("{chip}", request.platform.name())
                        .replace("{name}", request.name)
                        .replace("{file}", file.published);
                    Place::parse(&url)
                })
                .collect();
            Ok(Download {
                file: file.file.to_owned(),
                places: places?,
                kind,
                sum: request.sums.get(index).or(file.known).cloned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, platform: Platform) -> Request<'_> {
        Request {
            name,
            platform,
            quantized: false,
            places: &[],
            sums: &[],
        }
    }

    fn urls(asset: &Asset) -> Vec<&str> {
        let places = asset.downloads.iter().flat_map(|one| &one.places);
        places.map(Place::url).collect()
    }

    #[test]
    fn a_hef_lies_in_two_places() {
        let manifest = Manifest::built_in().unwrap();
        let zoo = ZooChoice::asked("v2.17.0");
        let asset = manifest
            .choose_hef(&request("fast_sam_s", Platform::Hailo8L), &zoo)
            .unwrap();
        assert_eq!(asset.downloads[0].file, "fast_sam_s.hailo8l.hef");
        let urls = urls(&asset);
        assert_eq!(urls.len(), 2);
        for url in urls {
            assert!(url.ends_with("/v2.17.0/hailo8l/fast_sam_s.hef"), "{url}");
        }
        assert!(asset.licence.unwrap().contains("Apache-2.0"));
    }

    #[test]
    fn both_variants_of_clip_take_the_same_places() {
        let manifest = Manifest::built_in().unwrap();
        for (quantized, ending) in [(false, "model.onnx"), (true, "model_quantized.onnx")] {
            let request = Request {
                quantized,
                ..request("clip", Platform::Onnx)
            };
            let asset = manifest.choose_onnx(&request).unwrap();
            let files: Vec<_> = asset.downloads.iter().map(|one| &*one.file).collect();
            assert_eq!(files, ["vision_model.onnx", "text_model.onnx"]);
            assert!(urls(&asset).iter().all(|url| url.ends_with(ending)));
        }
    }

    #[test]
    fn places_and_sums_of_the_users_own() {
        let manifest = Manifest::built_in().unwrap();
        let places = ["http://me:secret@host/{name}/{file}".to_owned()];
        let sums = ["a".repeat(64), "b".repeat(64)].map(|sum| sum.parse().unwrap());
        let mut request = Request {
            places: &places,
            sums: &sums,
            ..request("clip", Platform::Onnx)
        };
        let asset = manifest.choose_onnx(&request).unwrap();
        assert_eq!(urls(&asset)[0], "http://host/clip/vision_model.onnx");
        assert_eq!(asset.downloads[1].sum.as_ref(), Some(&sums[1]));
        request.sums = &sums[..1];
        let error = manifest.choose_onnx(&request).unwrap_err().to_string();
        assert!(
            error.contains("vision_model.onnx, text_model.onnx"),
            "{error}"
        );
    }

    #[test]
    fn what_there_is_not_is_said() {
        let manifest = Manifest::built_in().unwrap();
        let zoo = ZooChoice::asked("v1.0.0");
        let hef = |name| manifest.choose_hef(&request(name, Platform::Hailo8), &zoo);
        let onnx = |name, quantized| {
            let request = request(name, Platform::Onnx);
            manifest.choose_onnx(&Request {
                quantized,
                ..request
            })
        };
        for (chosen, words) in [
            (hef("fastsam_s"), "did you mean 'fast_sam_s'?"),
            (
                hef("nope"),
                "no model is called 'nope', there are: fast_sam_s, ",
            ),
            (hef("clip"), "no clip for hailo8;"),
            (hef("fast_sam_s"), "no fast_sam_s for hailo8 in v1.0.0;"),
            (onnx("clip_vit_b_32_image_encoder", false), "for onnx;"),
            (onnx("fast_sam_s", true), "no quantized fast_sam_s"),
        ] {
            let error = chosen.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
