"""One image, one map: drawn without a study."""
