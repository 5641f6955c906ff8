//! The daemon behind the command line.
