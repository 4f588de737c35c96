"""Packaging of rtq."""

import pathlib

import setuptools

REQUIRED = [
    "absl-py>=2.1",
    "array_record>=0.5",
    "dm-pix>=0.4.3",
    "filelock>=3.12",  # eviction from the compilation cache
    "flax>=0.10.6",
    "grain>=0.2.8",
    "imagecodecs>=2024.9.22",  # 16-bit RGB PNG and the TIFF compressions
    "importlib_resources",  # tensorflow-datasets imports it without declaring it
    "jax>=0.10.1,<0.12",  # 0.12.0.1 aborts on CPU when it meets the barriers of rtq/editor/compilation.py
    "jinja2>=3.1",  # transformers renders chat templates with it without declaring it
    "lxml>=5.2",
    "ml-collections>=1.0",
    "numpy>=2.0",
    "optax>=0.2.4",
    "orbax-checkpoint>=0.11.19",
    "outlines-core>=0.2.14",
    "pillow-heif>=1.0",
    "pillow>=11.3",
    "pyexiv2>=2.15",
    "safetensors>=0.8",
    "scikit-image>=0.25",
    "scikit-learn>=1.5",  # bundles two of the default photographs
    "tensorboardX>=2.6.2",
    "tensorflow-datasets>=4.9.8",
    "tifffile>=2024.8.30",
    "transformers>=4.55",
]

EXTRAS = {
    "raw": ["rawpy>=0.24"],
    "test": ["hypothesis>=6.100", "pytest>=8.2", "pytest-xdist>=3.6", "ruff>=0.8", "rawpy>=0.24",
             "playwright>=1.50",  # drives the system's Chromium; no browser is downloaded
             "scikit-learn>=1.5"],
    "eval": ["scikit-learn>=1.5"],
    "bench": ["colour-science>=0.4", "kornia>=0.7", "opencv-python-headless>=4.9", "psutil>=5.9", "torch==2.13.0"],
    "parity": ["torch==2.13.0"],
    "tpu": ["jax[tpu]"],
}

setuptools.setup(
    name="rtq",
    version="0.1.0",
    description="RetouchIQ in JAX: photo retouching by instruction, trained by reinforcement learning",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=setuptools.find_packages(include=["rtq", "rtq.*"]),
    package_data={"rtq": ["assets/**/*", "eval/*.json", "eval/*.css", "eval/*.js"]},
    install_requires=REQUIRED,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["rtq = rtq.cli:main"]},
)
