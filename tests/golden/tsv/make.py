"""Writes tables.json: what pandas 3 reads from small tab-separated tables, as the texts of its values; null is NaN.

    pip install pandas==3.* && python make.py

Left out is what lorikeet refuses on purpose (a first row longer than the header becomes an index in pandas) and
integers beyond 64 bits.
"""

import io
import json
import random

import pandas

HAND_MADE = [
    "a\tb\n1\tx\n", "a\tb\n1\tx", "a\tb\r\n1\tx\r\n", "a\tb\r1\tx\ry\tz", "\ufeffa\tb\n1\tx\n", "\n  \na\tb\n\n1\t2\n   \n",
    'a\tb\n"x ""q"" \n\t y"z\tw\n \tq\n', 'a\tb\n"x\r\ny"\t"tab\there"\n', 'a\tb\nx"y"\t""\n', 'a\tb\n"open\t1\n', "", "\n\n", "a\tb\n",
    "a\tb\n1\t2\n1\t2\t3\n", "a\tb\n1\n\t\n", "a\tb\n007\t+5\n-0\t-3\n", "a\tb\n 7 \tx\n", "a\tb\n24\t1.50\n\t2\n", "a\tb\n1e5\t.5\n1.\t-1E-3\n",
    "a\tb\ninf\t-INF\nInfinity\t1\n", "a\tb\n1e\t0x10\n1\t1\n", "a\tb\n1e16\t0.00001\n123456789.5\t1e22\n", "a\tb\nTrue\tfalse\nTRUE\t\n",
    "a\tb\nTrue\tyes\nfalse\tno\n", "a\tb\nTrue\t1\n1\ttrue\n", "a\tb\n１\t٣\n2\t3\n", "a\tb\n+-5\t- 5\n1\t1\n", "a\tb\n1_000\t1,5\n1\t1\n",
    "a\tb\nNA \t n/a\n1\t2\n", "a\tb\n\"NA\"\tNA\n1\t2\n", "question\tA\nيمين\tنعم\n中文\t是\n",
    *(f"a\tb\nx\t{word}\ny\t1\n" for word in ["None", "none", "NONE", "nan", "NaN", "NAN", "NULL", "null", "Null", "N/A", "n/a", "NA", "na",
                                              "<NA>", "#N/A", "#NA", "#N/A N/A", "-nan", "-NaN", "1.#IND", "-1.#QNAN", "nil", "-"]),
]
WORDS = ["", "1", "24", "-3", "0.5", "1e3", "x", "None", "nan", "N/A", "True", "false", " 2", "3 ", '"q"', '"a\nb"', '"a""b"', 'p"q', "é", "图", " "]


def read(text):
    try:
        frame = pandas.read_csv(io.BytesIO(text.encode()), sep="\t")
    except Exception:  # of several kinds
        return None
    rows = [[None if pandas.isna(value) else f"{value}" for value in (frame[column].iloc[i] for column in frame)] for i in range(len(frame))]
    return {"columns": list(frame.columns), "rows": rows}


def random_table(draw):
    width, words = draw.randint(2, 4), draw.sample(WORDS, draw.randint(1, 6))
    end = draw.choice(["\n", "\r\n"])
    rows = [[f"c{i}" for i in range(width)]]
    for row in range(draw.randint(1, 5)):
        rows.append([draw.choice(words) for _ in range(width if row == 0 else draw.randint(1, width))])
    return end.join("\t".join(row) for row in rows) + draw.choice(["", end])


draw = random.Random(1)
texts = HAND_MADE + [random_table(draw) for _ in range(200)]
with open("tables.json", "w") as out:
    out.write("[" + ",\n".join(json.dumps({"text": text, "table": read(text)}, ensure_ascii=False) for text in texts) + "]\n")
