#!/usr/bin/env python3
"""Trains the nano model's tokenizer, a byte-level BPE in Qwen2's form, on what is asked and answered in all six languages.

  tools/nano/tokenizer.py --things things.json --out DIR [--vocabulary 4096]
  tools/nano/tokenizer.py --things things.json --measure 1024,2048,4096,8192

Writes DIR/tokenizer.json and tokenizer_config.json, and checks that every name comes back from its tokens. --measure tells how
many tokens a name and a question have with vocabularies of these sizes.
"""
import argparse
import json
import pathlib
import statistics
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import languages
from languages import LANGUAGES

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TURNS = "system\nYou are a helpful assistant.\nuser\n\nassistant\n"  # in every prompt
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def texts_of(things, language):
    """Names as they are answered, and what is asked."""
    names = [thing["names"][language] for thing in things.values()]
    words = [word for thing in things.values() for word in thing["keywords"][language]]
    asked = [*languages.WHAT[language], *languages.WHICH_GROUP[language], *languages.GROUP_NAMES[language].values(),
             languages.GROUP_OF[language], languages.WORDS_FOR[language], languages.LETTER[language],
             *languages.IS_NAME[language], *languages.IS_GROUP[language], languages.YES[language], languages.NO[language],
             "A. ", "\nB. ", "\nC. ", "\nD. "]
    return names, words, asked


def train(things, vocabulary):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    texts = [TURNS] * 400
    for language in LANGUAGES:
        names, words, asked = texts_of(things, language)
        texts += names * 4 + words + asked * 200
    trainer = trainers.BpeTrainer(vocab_size=vocabulary - len(SPECIAL), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens([AddedToken(languages.emoji(code), normalized=False) for code in things])
    return tokenizer


def check(tokenizer, things):
    for code in things:
        if len(tokenizer.encode(languages.emoji(code)).ids) != 1:
            sys.exit(f"tokenizer.py: {code} is not one token.")
    for language in LANGUAGES:
        names, _, asked = texts_of(things, language)
        for text in [*names, *asked]:
            plain = tokenizer.normalizer.normalize_str(text)
            if (back := tokenizer.decode(tokenizer.encode(text).ids)) != plain:
                sys.exit(f"tokenizer.py: \"{text}\" comes back as \"{back}\".")


def measure(tokenizer, things):
    prompt = len(tokenizer.encode(TURNS).ids)
    columns = []
    for language in LANGUAGES:
        names, _, asked = texts_of(things, language)
        columns.append(f"{language} {statistics.mean(len(tokenizer.encode(n).ids) for n in names):.2f} "
                       f"{statistics.mean(len(tokenizer.encode(languages.WHAT[language][0]).ids) for _ in asked):.0f}")
    print(f"{tokenizer.get_vocab_size()} tokens; system turn and roles {prompt}; a name, the first question: " + "; ".join(columns))


def write(tokenizer, out):
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    ids = {str(number): {"content": token.content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
                         "special": token.special} for number, token in tokenizer.get_added_tokens_decoder().items()}
    config = {"added_tokens_decoder": ids, "additional_special_tokens": SPECIAL[1:], "bos_token": None,
              "chat_template": CHAT_TEMPLATE, "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>",
              "errors": "replace", "model_max_length": 2048, "pad_token": "<|endoftext|>", "padding_side": "right",
              "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer", "unk_token": "<|endoftext|>"}
    (out / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--things", required=True, type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--measure")
    options = parser.parse_args()
    things = json.loads(options.things.read_text())
    for size in map(int, options.measure.split(",") if options.measure else []):
        measure(train(things, size), things)
    if options.out:
        tokenizer = train(things, options.vocabulary)
        check(tokenizer, things)
        write(tokenizer, options.out)
        print(f"tokenizer: {tokenizer.get_vocab_size()} tokens in {options.out}")


if __name__ == "__main__":
    main()
