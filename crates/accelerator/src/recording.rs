//! What an accelerator answered, as a folder of NPY files with a manifest.
