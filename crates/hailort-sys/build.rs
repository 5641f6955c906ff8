//! Makes the bindings and the run-time table from our own header; no SDK is needed.
//!
//! For another architecture, bindgen takes clang's arguments from `BINDGEN_EXTRA_CLANG_ARGS`.

use std::{env, error::Error, path::PathBuf};

use bindgen::{EnumVariation, NonCopyUnionStyle};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=include");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("bindings.rs");
    bindgen::Builder::default()
        .header("include/hailort_subset.h")
        // Assertions only: a layout that differs stops clang, and so the build.
        .header("include/hailort_layout.h")
        .allowlist_function("hailo_.*")
        .allowlist_type("hailo_.*")
        .allowlist_var("HAILO_.*")
        .dynamic_library_name("HailoRt")
        .dynamic_link_require_all(false)
        // The library may answer what this header does not know: integers, never Rust enums.
        .default_enum_style(EnumVariation::Consts)
        .prepend_enum_name(false)
        .default_non_copy_union_style(NonCopyUnionStyle::BindgenWrapper)
        .derive_default(true)
        .generate()?
        .write_to_file(out)?;
    Ok(())
}
