"""Makes the files of this folder with the Python package `tokenizers`: python3 make.py"""
import json
import random
import tokenizers as hf
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, decoders, trainers, processors, Regex

CORPUS = """The parrot sees the picture before it speaks, and the picture sees nothing.
A tokenizer cuts text into pieces; it's the first thing that runs and the last that anyone looks at.
Numbers like 1234, 5678 and 90 are cut as well. So are    spaces, tabs\tand line ends.
O papagaio vê a imagem antes de falar. A imagem não vê nada; é só uma imagem, às vezes bonita.
Попугай видит картину прежде, чем говорит. Картина ничего не видит.
鹦鹉先看图片再说话。图片什么也看不见。今天天气很好。
Papağan konuşmadan önce resmi görür. Işık güzel, çay sıcak.
يرى الببغاء الصورة قبل أن يتكلم.
def speak(picture): return [word for word in picture.words if word != 'silence']
""".splitlines(keepends=True)

TEXTS = ["", " ", "  ", "Hello, world!", " the parrot  sees\tit", "it's we'll I'VE", "1234567 12 3,4", "a\n\nb \n c\r\n",
         "não às vezes é", "Попугай видит", "鹦鹉看图片。", "Işık İ", "😀👨‍👩‍👧 ok", "e\u0301 Å ﬁ ²½Ⅳ", "\u200b\u00a0\u3000x\u180e\u2028y",
         "<|im_start|>user\nHi<|im_end|>", "a<s>b</s> <unk>", " <add>  <lr>  b <word>x <word> y", "▁a ▁ b▁", "<0x41><0x0A>",
         "x_y-z (a+b)=[c]/{d} \\ $5 «q»", "\x00\x01\x7f\ufffd\ufeff", "aaaaaaaaaaaaaaa", "ab" * 12, "Straße ǅ ΣΑΣ", "😀😀\x00 😀", "ab2b", "ด้วยกัน हिन्दी 한글"]

END = "·"  # marks the end of a word
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def cases(tokenizer, texts=TEXTS):
    out = []
    for text in texts:
        case = {"text": text}
        tokenizer.encode_special_tokens = False
        case["ids"] = tokenizer.encode(text, add_special_tokens=False).ids
        added = tokenizer.encode(text, add_special_tokens=True).ids
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = False
        if plain != case["ids"]:
            case["ids_no_special"] = plain
        if added != case["ids"]:
            case["ids_add_special"] = added
        case["decoded"] = tokenizer.decode(case["ids"], skip_special_tokens=False)
        skipped = tokenizer.decode(case["ids"], skip_special_tokens=True)
        if skipped != case["decoded"]:
            case["decoded_skip_special"] = skipped
        out.append(case)
    # Ids in no sensible order: parts of characters, bytes alone.
    numbers = random.Random(1)
    size = tokenizer.get_vocab_size()
    loose = [[numbers.randrange(size) for _ in range(12)] for _ in range(20)]
    return {"cases": out, "decode": [{"ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)} for ids in loose]}


def write(name, value):
    with open(name, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


def byte_level():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
               r"|\s*[\r\n]+|\s+(?!\S)|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=520, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|im_start|> $A <|im_end|>", pair="$A $B",
                                      special_tokens=[("<|im_start|>", 1), ("<|im_end|>", 2)])])
    return tokenizer


def sentence_pieces():
    """Merges in the order of scores, as converters of SentencePiece models write them."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(vocab_size=620, show_progress=False, limit_alphabet=90,
                                  special_tokens=["<unk>", "<s>", "</s>"] + ["<0x%02X>" % byte for byte in range(256)])
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="$A $B", special_tokens=[("<s>", 1)])
    value = json.loads(tokenizer.to_str())
    value["added_tokens"] = value["added_tokens"][:3]  # bytes are pieces, not tokens to look for
    return Tokenizer.from_str(json.dumps(value))


def base():
    """Single characters and a few merges; what features are switched on in."""
    alphabet = sorted(set("".join(CORPUS)) | set("".join(TEXTS)) - set("\x00😀ด"))
    alphabet = [c for c in alphabet if c not in "\x00😀ด"]
    pieces = ["<unk>", "<s>", "</s>"] + alphabet + ["▁"] * ("▁" not in alphabet)
    merges = [["t", "h"], ["th", "e"], ["a", "b"], ["ab", "ab"], ["a", "a"], ["aa", "aa"], ["▁", "the"], ["1", "2"],
              ["12", "3"], [" ", " "], ["i", "t"], ["ab", "a"], ["▁", "▁"], ["e", "e"], ["s", "ee"]]
    pieces += ["".join(merge) for merge in merges]
    pieces += [c + END for c in alphabet]
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for i, c in enumerate(pieces[:3])],
        "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": {"type": "Fuse"},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": False, "byte_fallback": False,
                  "vocab": {piece: i for i, piece in enumerate(pieces)}, "merges": merges},
    }


def shown(pre_tokenizer):
    """The last character of each word has an id of its own: the ids show each cut."""
    return {"model": {"end_of_word_suffix": END}, "pre_tokenizer": pre_tokenizer}


def split(pattern, behavior, invert=False):
    return shown({"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert})


def features(size):
    token = lambda i, content, **flags: {"id": size + i, "content": content, "single_word": False, "lstrip": False,
                                         "rstrip": False, "normalized": False, "special": False, **flags}
    regex = lambda text: {"Regex": text}
    string = lambda text: {"String": text}
    yield "nothing", {}
    yield "fuse_unk", {"model": {"fuse_unk": True}}
    yield "no_unknown", {"model": {"unk_token": None}}
    yield "end of word", shown(None)
    for form in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"]:
        yield form, {"normalizer": {"type": form}}
    yield "Strip", {"normalizer": {"type": "Strip", "strip_left": True, "strip_right": False}}
    yield "Strip right", {"normalizer": {"type": "Strip", "strip_left": False, "strip_right": True}}
    yield "Replace regex", {"normalizer": {"type": "Replace", "pattern": regex(r"\s+"), "content": "▁▁"}}
    yield "normalizers", {"normalizer": {"type": "Sequence", "normalizers": [
        {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "▁"}]}}
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        yield "Split " + behavior, split(string("a"), behavior)
        yield "Split regex " + behavior, split(regex(r"[ ,aeiou]"), behavior)
        yield "Split inverted " + behavior, split(regex(r"\w+"), behavior, True)
        yield "Punctuation " + behavior, shown({"type": "Punctuation", "behavior": behavior})
    for text in [r"\s", r"\S+", r"\w", r"\d{1,2}+", r"x*", r"\h+", r"^.", r".$", r"(?m:a.b)", r"[\s\w]+", r"\u0061b", r"a{,2}b",
                 r"\p{Han}+", r"\p{Letter}+", r"(?<=a)b", r"[^\S]", r"[^\Sx\n]", r"[\Wb]+", r"\p{^L}+", r"(?i)IT|THE", r"[[:space:]]+", r"a++b?", r"\v|}|]"]:
        yield "regex " + text, split(regex(text), "Isolated")
    yield "Whitespace", shown({"type": "Whitespace"})
    yield "WhitespaceSplit", shown({"type": "WhitespaceSplit"})
    yield "BertPreTokenizer", shown({"type": "BertPreTokenizer"})
    yield "CharDelimiterSplit", shown({"type": "CharDelimiterSplit", "delimiter": "b"})
    yield "Digits", shown({"type": "Digits", "individual_digits": False})
    yield "Digits alone", shown({"type": "Digits", "individual_digits": True})
    for scheme in ["always", "first", "never"]:
        for cut in [True, False]:
            yield "Metaspace %s %s" % (scheme, cut), {
                "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut},
                "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut}}
    yield "ByteLevel prefix", {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
                               "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}}
    yield "pre-tokenizers", {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, {"type": "Punctuation", "behavior": "Isolated"},
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}]}}
    yield "no decoder", {"decoder": None}
    yield "BPEDecoder", {"decoder": {"type": "BPEDecoder", "suffix": "e"}}
    yield "decoders", {"decoder": {"type": "Sequence", "decoders": [
        {"type": "Strip", "content": "e", "start": 1, "stop": 0}, {"type": "Replace", "pattern": string("ab"), "content": "_"},
        {"type": "Fuse"}, {"type": "Replace", "pattern": string("the p"), "content": "THE P"},
        {"type": "Strip", "content": "▁", "start": 2, "stop": 0}]}}
    yield "added tokens", {"added_tokens": base()["added_tokens"] + [
        token(0, "<add>"), token(1, "<lr>", lstrip=True, rstrip=True), token(2, "<word>", single_word=True),
        token(3, "parrot  sees"), token(4, "parrot"), token(5, "<|im_start|>", special=True, rstrip=True),
        token(6, "<|im_end|>", special=True, lstrip=True)]}
    yield "normalized tokens", {"normalizer": {"type": "Lowercase"}, "added_tokens": base()["added_tokens"] + [
        token(0, "WORLD", normalized=True), token(1, "Попугай", normalized=True, special=True), token(2, "ab", normalized=True, single_word=True)]}
    yield "RobertaProcessing", {"post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1],
                                                   "trim_offsets": True, "add_prefix_space": False}}
    yield "template", {"post_processor": {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        {"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": "s", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                    {"SpecialToken": {"id": "e", "type_id": 0}}],
         "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
         "special_tokens": {"s": {"id": "s", "ids": [1, 0], "tokens": ["<s>", "<unk>"]},
                            "e": {"id": "e", "ids": [2], "tokens": ["</s>"]}}}]}}


def merge_patch(value, patch):  # RFC 7386
    if not isinstance(patch, dict):
        return patch
    value = dict(value) if isinstance(value, dict) else {}
    for key, part in patch.items():
        if part is None:
            value.pop(key, None)
        else:
            value[key] = merge_patch(value.get(key), part)
    return value


def main():
    for name, tokenizer in [("byte_level", byte_level()), ("sentence_pieces", sentence_pieces())]:
        write(name + ".tokenizer.json", json.loads(tokenizer.to_str()))
        write(name + ".json", cases(tokenizer))
    start = base()
    out = {"made_with": "tokenizers " + hf.__version__, "base": start, "features": []}
    previous = {}
    for name, patch in features(len(start["model"]["vocab"])):
        patched = merge_patch(start, patch)
        for key in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
            patched.setdefault(key, None)
        result = cases(Tokenizer.from_str(json.dumps(patched)))
        kind = patch.get("model", {}).get("end_of_word_suffix")
        if kind not in previous:
            previous[kind] = {case["text"]: case for case in result["cases"]}
        else:  # only what the feature changes
            result["cases"] = [case for case in result["cases"] if case != previous[kind][case["text"]]]
        if "decoder" not in patch and name != "nothing":
            result.pop("decode")
            for case in result["cases"]:
                case.pop("decoded")
                case.pop("decoded_skip_special", None)
        out["features"].append({"name": name, "patch": patch, **result})
    write("features.json", out)


main()
