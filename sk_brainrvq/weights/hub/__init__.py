"""Weights on the Hugging Face Hub: addresses, downloads, uploads, model cards."""
