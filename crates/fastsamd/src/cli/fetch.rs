//! `fetch`: gets a published model, checks it, and puts it in place.
//!
//! Standard output gets the paths; what is done and what to try next goes to standard error.

mod chip;
mod folder;

use std::path::{Path, PathBuf};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use configuration::WrongInput;
use fetch::{
    Asset, Client, Event, FetchError, Fetched, Kind, Manifest, Outcome, Place, Platform, Request,
    Sum, ZooChoice,
};
use indicatif::{HumanBytes, ProgressBar};

use super::{exit, progress};

/// Which model, for what, from where, to where.
#[derive(Debug, Args)]
pub(super) struct FetchArgs {
    /// The model: fast_sam_s, clip, or another of --list.
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// List what can be fetched.
    #[arg(long, conflicts_with = "name")]
    list: bool,
    /// What runs it. By default the chip of this machine, or the processor where there is none.
    #[arg(long = "for", value_name = "PLATFORM", value_parser = platform_parser())]
    platform: Option<Platform>,
    /// Take the 8-bit variant, a quarter of the size (clip).
    #[arg(long)]
    quantized: bool,
    /// Put it into this folder. By default /usr/share/fastsamd/hef, onnx or clip; where you can't
    /// write there, fastsamd/ in $XDG_DATA_HOME or ~/.local/share.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Take this version of the Hailo Model Zoo, such as v2.17.0. By default the one that fits the
    /// libhailort of this machine, since a library may refuse a newer HEF.
    #[arg(long, value_name = "VERSION")]
    zoo: Option<String>,
    /// Take the zoo that fits this version of HailoRT, such as 4.23.
    #[arg(long, value_name = "X.Y", conflicts_with = "zoo")]
    library_version: Option<String>,
    /// Fetch from here instead of the published places; several are tried in turn. May hold {zoo},
    /// {chip}, {name} and {file}, and be a file:///PATH.
    #[arg(long, value_name = "URL")]
    url: Vec<String>,
    /// Take only a file with this sha256. For clip two: VISION,TEXT.
    #[arg(long, value_name = "SUM", value_delimiter = ',')]
    sha256: Vec<Sum>,
    /// Fetch it even if it is in place, and replace what fastsamd did not fetch.
    #[arg(long)]
    force: bool,
}

fn platform_parser() -> impl clap::builder::TypedValueParser<Value = Platform> {
    PossibleValuesParser::new(Platform::NAMES).try_map(|name| name.parse::<Platform>())
}

pub(super) fn run(arguments: &FetchArgs) -> anyhow::Result<()> {
    let manifest = Manifest::built_in()?;
    let Some(name) = &arguments.name else {
        return list(&manifest);
    };
    let asset = choose(&manifest, name, arguments)?;
    let folder = folder::choose(arguments.out.as_deref(), &asset)?;
    exit::tell(&format!(
        "{}; licence: {}",
        asset.title,
        asset
            .licence
            .as_deref()
            .unwrap_or("not known here, see the Hailo Model Zoo")
    ));
    let client = Client::new(arguments.force);
    let mut fetched = Vec::new();
    for wanted in &asset.downloads {
        let mut shown = Shown::new(&wanted.file);
        let outcome = client.fetch(wanted, &folder, &mut |event| shown.note(&event));
        shown.bar.finish_and_clear();
        let file = outcome.map_err(|error| advise(error, &asset))?;
        tell_of(&file, wanted.sum.is_some());
        exit::say(&file.path.display().to_string())?;
        fetched.push(file.path);
    }
    exit::tell(&next(asset.downloads.first().map(|one| one.kind), &fetched));
    Ok(())
}

/// Which model is meant, and says what was chosen without being asked for.
fn choose(manifest: &Manifest, name: &str, arguments: &FetchArgs) -> anyhow::Result<Asset> {
    manifest.know(name).map_err(WrongInput::new)?;
    let platform = match arguments.platform {
        Some(platform) => platform,
        None => platform(manifest, name)?,
    };
    manifest.offers(name, platform).map_err(WrongInput::new)?;
    let request = Request {
        name,
        platform,
        quantized: arguments.quantized,
        places: &arguments.url,
        sums: &arguments.sha256,
    };
    let asset = if platform == Platform::Onnx {
        manifest.choose_onnx(&request)
    } else {
        let zoo = zoo(manifest, arguments)?;
        manifest.choose_hef(&request, &zoo)
    };
    Ok(asset.map_err(WrongInput::new)?)
}

/// What runs a model on this machine, if nobody says so.
fn platform(manifest: &Manifest, name: &str) -> anyhow::Result<Platform> {
    if !manifest.has_hef(name) {
        return Ok(Platform::Onnx);
    }
    match chip::of_this_machine() {
        Ok(Some((platform, chip))) => {
            exit::tell(&format!(
                "this machine has a {chip}: taking its HEF (--for chooses)"
            ));
            Ok(platform)
        }
        Ok(None) if manifest.has_onnx(name) => {
            exit::tell(
                "no Hailo chip found: taking the ONNX file, for the processor (--for chooses)",
            );
            Ok(Platform::Onnx)
        }
        Ok(None) => Err(WrongInput::new(format!(
            "no Hailo chip found: for which is {name} to be, --for hailo8 or --for hailo8l?"
        ))
        .into()),
        Err(error) => Err(WrongInput::new(format!(
            "there is a Hailo chip, and it can't be asked which: say --for hailo8 or --for hailo8l \
             (`hailortcli fw-control identify` names it): {error}"
        ))
        .into()),
    }
}

/// Which zoo's HEF is taken; says why, unless it was asked for.
fn zoo(manifest: &Manifest, arguments: &FetchArgs) -> anyhow::Result<ZooChoice> {
    if let Some(zoo) = &arguments.zoo {
        return Ok(ZooChoice::asked(zoo));
    }
    let choice = match &arguments.library_version {
        Some(version) => ZooChoice::for_version(manifest, version).map_err(WrongInput::new)?,
        None => ZooChoice::for_installed(manifest, chip::installed_library())
            .ok_or_else(|| anyhow::anyhow!("the manifest names no zoo"))?,
    };
    exit::tell(&choice.to_string());
    Ok(choice)
}

/// What an error lacks: what the user can do about it.
fn advise(error: FetchError, asset: &Asset) -> anyhow::Error {
    match &error {
        FetchError::Unreachable { .. } => {
            let firsts = asset.downloads.iter().filter_map(|one| one.places.first());
            let urls: Vec<_> = firsts.map(Place::url).collect();
            anyhow::anyhow!(
                "{error}: check the network, or fetch {} on another machine into a folder, bring that \
                 here, and add --url file:///FOLDER/{{file}}",
                urls.join(" and ")
            )
        }
        FetchError::NotOurs { .. } => WrongInput::new(format!(
            "{error}; --force replaces it, --out DIR puts the other beside it"
        ))
        .into(),
        _ => error.into(),
    }
}

/// What a download shows while it runs.
struct Shown {
    file: String,
    bar: ProgressBar,
}

impl Shown {
    fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            bar: ProgressBar::hidden(),
        }
    }

    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Asking { place } => exit::tell(&format!("fetching {place}")),
            Event::Receiving { already, total } => {
                let mut size = total.map_or_else(
                    || "of unknown size".to_owned(),
                    |total| HumanBytes(total).to_string(),
                );
                if *already > 0 {
                    size = format!("{size}, going on after {}", HumanBytes(*already));
                }
                exit::tell(&format!("{}: {size}", self.file));
                self.bar.finish_and_clear();
                self.bar = progress::bytes(*total, self.file.clone());
                self.bar.set_position(*already);
                self.bar.reset_eta();
            }
            Event::Received { bytes } => self.bar.set_position(*bytes),
            Event::NotThere { place, cause } => exit::tell(&format!("{place}: {cause}")),
        }
    }
}

/// Where a file came from, and the sum that nobody knew before.
fn tell_of(fetched: &Fetched, sum_is_known: bool) {
    let path = fetched.path.display();
    match &fetched.outcome {
        Outcome::Already => {
            exit::tell(&format!(
                "{path} is in place already (--force fetches it again)"
            ));
        }
        Outcome::From(place) if sum_is_known => {
            exit::tell(&format!(
                "{path} is from {place}, with the sha256 that it should have"
            ));
        }
        Outcome::From(place) => exit::tell(&format!(
            "{path} is from {place}; no sha256 is known for it, what came has {}",
            fetched.sum
        )),
    }
}

/// What to try next.
fn next(kind: Option<Kind>, paths: &[PathBuf]) -> String {
    let shown = |path: &Path| path.display().to_string();
    match (kind, paths) {
        (Some(Kind::Onnx), [image, text]) => format!(
            "next, in a configuration: text: {{image_encoder: {}, text_encoder: {}}}",
            shown(image),
            shown(text)
        ),
        (Some(Kind::Onnx), [model]) => {
            format!("next: fastsamd segment photo.jpg --model {}", shown(model))
        }
        (_, [hef]) => format!(
            "next: fastsamd hef {path}, and in a configuration: accelerator: {{backend: {{hailo: \
             {{hef: {path}}}}}}}",
            path = shown(hef)
        ),
        _ => "done".to_owned(),
    }
}

/// A line for each file that can be fetched.
fn list(manifest: &Manifest) -> anyhow::Result<()> {
    let sum = |sum: &Option<Sum>| {
        sum.as_ref()
            .map_or_else(|| "unknown".to_owned(), ToString::to_string)
    };
    for entry in &manifest.hef {
        exit::say(&format!(
            "{:<54} {:<8} {:<9} sha256 {}",
            entry.name,
            entry.chip,
            entry.zoo,
            sum(&entry.sha256)
        ))?;
    }
    for entry in &manifest.onnx {
        let variant = if entry.quantized { "quantized" } else { "" };
        for file in &entry.files {
            exit::say(&format!(
                "{:<54} {:<8} {variant:<9} sha256 {} {}",
                entry.name,
                Platform::Onnx,
                sum(&file.sha256),
                file.file
            ))?;
        }
    }
    Ok(())
}
