//! Pictures from files and folders, at a rate.
