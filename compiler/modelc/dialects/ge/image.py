"""Ops on images: resizing, cropping, patches and colours."""
