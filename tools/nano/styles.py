"""The styles of drawing: which package has the pictures, under which licence, and what they are for."""
import dataclasses
import hashlib


@dataclasses.dataclass(frozen=True)
class Style:
    package: str
    pictures: str  # "icons": SVG of Iconify; else a folder of files named by code points
    licence: str
    role: str      # train, validation or test
    colours: bool = True  # False: black on nothing, so that things that differ in colour alone are left out


STYLES = {
    "noto": Style("emoji-datasource-google", "img/google/64", "Apache-2.0", "train"),
    "twemoji": Style("emoji-datasource-twitter", "img/twitter/64", "CC-BY-4.0", "train"),
    "fluent-3d": Style("@lobehub/fluent-emoji-3d", "assets", "MIT", "train"),
    "fluent": Style("@iconify-json/fluent-emoji", "icons", "MIT", "train"),
    "fluent-flat": Style("@iconify-json/fluent-emoji-flat", "icons", "MIT", "train"),
    "fluent-high-contrast": Style("@iconify-json/fluent-emoji-high-contrast", "icons", "MIT", "train", colours=False),
    "emojione": Style("@iconify-json/emojione", "icons", "CC-BY-4.0", "train"),
    "emojione-monotone": Style("@iconify-json/emojione-monotone", "icons", "CC-BY-4.0", "train", colours=False),
    "noto-v1": Style("@iconify-json/noto-v1", "icons", "Apache-2.0", "train"),
    "streamline": Style("@iconify-json/streamline-emojis", "icons", "CC-BY-4.0", "train"),
    "fxemoji": Style("@iconify-json/fxemoji", "icons", "Apache-2.0", "validation"),
    "openmoji": Style("@iconify-json/openmoji", "icons", "CC-BY-SA-4.0", "test"),
}


def split_of(style, code):
    """train, withheld (a tenth of the pairs of a style that is trained on), validation or test."""
    role = STYLES[style].role
    if role != "train":
        return role
    digest = hashlib.sha256(f"{style}/{code}".encode()).digest()
    return "withheld" if int.from_bytes(digest[:4], "big") % 10 == 0 else "train"
