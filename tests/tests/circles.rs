//! No file of a crate imports from one that, directly or over others, imports from it.
//!
//! The sources are parsed. An import is a `use` declaration, or any other path, that begins with
//! `crate`, `self` or `super` or the name of a child module; re-exports are followed to the file that
//! they take the item from, and are no imports themselves. Tests don't count.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

/// A module's path below its crate; the crate itself has an empty one.
type Module = Vec<String>;

/// What a file says of others.
#[derive(Default)]
struct Paths {
    imported: Vec<Vec<String>>,
    exported: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let list = match item.vis {
            Visibility::Inherited => &mut self.imported,
            _ => &mut self.exported,
        };
        // Another crate, which may have the name of a module.
        if item.leading_colon.is_some() {
            return;
        }
        collect(&item.tree, &mut Vec::new(), list);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|s| s.ident.to_string());
        // A name alone is one of this file.
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            self.imported.push(names.collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {
        // `pub(super)` names a place and imports nothing.
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_of_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        let condition = attribute.parse_args::<syn::Path>();
        attribute.path().is_ident("cfg") && condition.is_ok_and(|path| path.is_ident("test"))
    };
    attributes.iter().any(is_test)
}

/// All paths of a `use` declaration.
fn collect(tree: &UseTree, before: &mut Vec<String>, into: &mut Vec<Vec<String>>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            collect(&path.tree, before, into);
            before.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                collect(tree, before, into);
            }
        }
        UseTree::Name(name) => into.push([&before[..], &[name.ident.to_string()]].concat()),
        UseTree::Rename(name) => into.push([&before[..], &[name.ident.to_string()]].concat()),
        UseTree::Glob(_) => into.push(before.clone()),
    }
}

/// The modules of a crate that have files of their own.
fn modules(source: &Path, folder: &Path, found: &mut BTreeMap<Module, Paths>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            modules(source, &path, found);
            continue;
        }
        let below = path
            .strip_prefix(source)
            .expect("a source")
            .with_extension("");
        let mut module: Module = below
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if module
            .last()
            .is_some_and(|last| last == "mod" || last == "lib")
        {
            module.pop();
        }
        let is_left_out = module.iter().any(|part| part == "tests") || module == ["main"];
        if path.extension().is_none_or(|extension| extension != "rs") || is_left_out {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let mut paths = Paths::default();
        paths.visit_file(&syn::parse_file(&text).expect("Rust"));
        found.insert(module, paths);
    }
}

/// The file that a path seen from `here` leads to, and what of the path is an item in it.
fn resolve(
    modules: &BTreeMap<Module, Paths>,
    here: &Module,
    path: &[String],
) -> Option<(Module, Vec<String>)> {
    let (mut module, mut rest) = match path.first()?.as_str() {
        "crate" => (Module::new(), &path[1..]),
        "self" => (here.clone(), &path[1..]),
        "super" => (here.clone(), path),
        name => {
            let child = [&here[..], &[name.to_owned()]].concat();
            (modules.contains_key(&child).then(|| here.clone())?, path)
        }
    };
    while rest.first().is_some_and(|name| name == "super") {
        module.pop();
        rest = &rest[1..];
    }
    while let Some(name) = rest.first() {
        let child = [&module[..], std::slice::from_ref(name)].concat();
        if !modules.contains_key(&child) {
            break;
        }
        module = child;
        rest = &rest[1..];
    }
    Some((module, rest.to_vec()))
}

/// Which file imports from which.
fn imports(modules: &BTreeMap<Module, Paths>) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut exports: BTreeMap<(Module, String), Module> = BTreeMap::new();
    for (module, paths) in modules {
        for path in &paths.exported {
            if let Some((from, rest)) = resolve(modules, module, path)
                && let Some(item) = rest.last()
            {
                exports.insert((module.clone(), item.clone()), from);
            }
        }
    }
    let mut imports: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, paths) in modules {
        let from = imports.entry(module.clone()).or_default();
        for path in &paths.imported {
            let Some((mut file, rest)) = resolve(modules, module, path) else {
                continue;
            };
            while let Some(item) = rest.first()
                && let Some(origin) = exports.get(&(file.clone(), item.clone()))
                && *origin != file
            {
                file = origin.clone();
            }
            // A module by its name alone is a place to look things up in, wherever it is named.
            if file != *module && modules.contains_key(&file) {
                from.insert(file);
            }
        }
    }
    imports
}

/// Modules from which a way leads back to themselves.
fn circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let leads_back = |start: &Module| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&Module> = imports[start].iter().collect();
        while let Some(module) = next.pop() {
            if module == start {
                return true;
            }
            if seen.insert(module) {
                next.extend(&imports[module]);
            }
        }
        false
    };
    let in_circles = imports.keys().filter(|module| leads_back(module));
    in_circles.map(|module| module.join("::")).collect()
}

#[test]
fn no_file_imports_from_one_that_imports_from_it() {
    let crates = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let (mut files, mut all) = (0, Vec::new());
    for entry in fs::read_dir(crates).expect("the crates") {
        let source = entry.expect("an entry").path().join("src");
        let mut modules_of_crate = BTreeMap::new();
        modules(&source, &source, &mut modules_of_crate);
        files += modules_of_crate.len();
        let found = circles(&imports(&modules_of_crate));
        all.extend(
            found
                .iter()
                .map(|file| format!("{}: {file}", source.display())),
        );
    }
    assert!(all.is_empty(), "circles:\n{}", all.join("\n"));
    assert!(files > 100, "only {files} files were found");
}

#[test]
fn a_circle_over_three_files_is_found() {
    let file = |text: &str| {
        let mut paths = Paths::default();
        paths.visit_file(&syn::parse_file(text).expect("Rust"));
        paths
    };
    let name = |name: &str| vec![name.to_owned()];
    let of = |third: &str| {
        BTreeMap::from([
            (Module::new(), file("mod a; mod b; mod c; pub use c::C;")),
            (name("a"), file("use crate::b::B; pub struct A;")),
            (name("b"), file("use crate::C; pub struct B;")),
            (name("c"), file(third)),
        ])
    };
    let circle = of("pub struct C; impl C { fn a(&self) -> super::a::A { todo() } }");
    assert_eq!(circles(&imports(&circle)), ["a", "b", "c"]);
    let in_a_test = of("pub struct C; #[cfg(test)] mod tests { use crate::a::A; }");
    assert!(circles(&imports(&in_a_test)).is_empty());
}
