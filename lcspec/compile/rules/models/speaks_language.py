"""A model that was made for other languages than the scope's."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

ANY = frozenset({"multilingual", "mul", "und", "other", "code"})  # tags that rule nothing out


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0307 where the model's card or header lists languages, and those of the scope are not among them."""
    for name, entry in spec.entries("model").items():
        said = known.models.get(name, {}).get("languages") or ()
        spoken = {_primary(tag) for tag in said}
        missing = [tag for tag in spec.scope.languages if _primary(tag) not in spoken]
        if not spoken or spoken & ANY or not missing:
            continue
        message = f"`{name}` was made for {', '.join(said)}; the scope also needs {', '.join(missing)}"
        if len(missing) == len(spec.scope.languages):
            message = f"`{name}` was made for {', '.join(said)}; the scope needs {', '.join(missing)}"
        help = "choose a model for these languages, or measure it in a suite of such rows before relying on it"
        also = ((("scope", "languages"), "needed here"),)
        report.warning("LC0307", entry.path, message, help, key=True, also=also)


def _primary(tag: str) -> str:
    """`pt-BR` and `por` are Portuguese; the three-letter codes that cards use for the commonest languages."""
    first = tag.lower().replace("_", "-").partition("-")[0]
    return _LONG.get(first, first)


_LONG = {
    "eng": "en",
    "deu": "de",
    "ger": "de",
    "fra": "fr",
    "fre": "fr",
    "spa": "es",
    "ita": "it",
    "por": "pt",
    "nld": "nl",
    "dut": "nl",
    "pol": "pl",
    "rus": "ru",
    "ukr": "uk",
    "ces": "cs",
    "cze": "cs",
    "swe": "sv",
    "dan": "da",
    "nor": "no",
    "nob": "nb",
    "fin": "fi",
    "ell": "el",
    "gre": "el",
    "tur": "tr",
    "ara": "ar",
    "heb": "he",
    "hin": "hi",
    "ben": "bn",
    "tam": "ta",
    "tel": "te",
    "zho": "zh",
    "chi": "zh",
    "jpn": "ja",
    "kor": "ko",
    "vie": "vi",
    "tha": "th",
    "ind": "id",
    "msa": "ms",
    "fas": "fa",
    "per": "fa",
    "ron": "ro",
    "hun": "hu",
    "bul": "bg",
    "cat": "ca",
    "hrv": "hr",
    "srp": "sr",
    "slk": "sk",
    "slv": "sl",
    "urd": "ur",
}
