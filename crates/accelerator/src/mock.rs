//! The mock accelerator: finds regions in the pixels and answers as FastSAM's network would.
