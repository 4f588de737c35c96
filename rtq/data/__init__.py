"""Training data: the studio, which makes examples from any folder of photos, and the pipeline that feeds them."""
