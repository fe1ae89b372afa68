"""The protocol as both of its Python ends use it: codec, messages, values, spaces and layouts."""
