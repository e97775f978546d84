"""The contract seen as other libraries' protocols, a package or a file each; loaded when a view is asked for."""
