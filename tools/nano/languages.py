"""What is asked and answered, in six languages. {name} and {group} are put in."""

LANGUAGES = ("en", "zh", "pt", "ar", "tr", "ru")

# By the category that emoji-datasource gives: an identifier, and the name in each language.
GROUPS = {
    "Smileys & Emotion": {"id": "smileys", "en": "faces and emotions", "zh": "表情与情感", "pt": "rostos e emoções",
                          "ar": "وجوه ومشاعر", "tr": "yüzler ve duygular", "ru": "лица и эмоции"},
    "People & Body": {"id": "people", "en": "people and body", "zh": "人物与身体", "pt": "pessoas e corpo",
                      "ar": "أشخاص وجسم", "tr": "insanlar ve vücut", "ru": "люди и тело"},
    "Animals & Nature": {"id": "animals", "en": "animals and nature", "zh": "动物与自然", "pt": "animais e natureza",
                         "ar": "حيوانات وطبيعة", "tr": "hayvanlar ve doğa", "ru": "животные и природа"},
    "Food & Drink": {"id": "food", "en": "food and drink", "zh": "食物与饮料", "pt": "comida e bebida",
                     "ar": "طعام وشراب", "tr": "yiyecek ve içecek", "ru": "еда и напитки"},
    "Travel & Places": {"id": "travel", "en": "travel and places", "zh": "旅行与地点", "pt": "viagens e lugares",
                        "ar": "سفر وأماكن", "tr": "seyahat ve yerler", "ru": "путешествия и места"},
    "Activities": {"id": "activities", "en": "activities", "zh": "活动", "pt": "atividades",
                   "ar": "أنشطة", "tr": "etkinlikler", "ru": "занятия"},
    "Objects": {"id": "objects", "en": "objects", "zh": "物品", "pt": "objetos",
                "ar": "أدوات", "tr": "nesneler", "ru": "предметы"},
    "Symbols": {"id": "symbols", "en": "symbols", "zh": "符号", "pt": "símbolos",
                "ar": "رموز", "tr": "semboller", "ru": "символы"},
    "Flags": {"id": "flags", "en": "flags", "zh": "旗帜", "pt": "bandeiras",
              "ar": "أعلام", "tr": "bayraklar", "ru": "флаги"},
}

GROUP_NAMES = {language: {g["id"]: g[language] for g in GROUPS.values()} for language in LANGUAGES}

# The first phrasing of a language is the one that evaluation asks.
WHAT = {
    "en": ["What is this?", "What is in this picture?", "What do you see?", "Name the thing in the picture.",
           "What does this picture show?"],
    "zh": ["这是什么？", "这张图片里有什么？", "你看到了什么？", "图中的东西叫什么？", "这张图片显示的是什么？"],
    "pt": ["O que é isto?", "O que há nesta imagem?", "O que você vê?", "Diga o nome do que está na imagem.",
           "O que esta imagem mostra?"],
    "ar": ["ما هذا؟", "ماذا يوجد في هذه الصورة؟", "ماذا ترى؟", "ما اسم الشيء في الصورة؟", "ماذا تُظهر هذه الصورة؟"],
    "tr": ["Bu nedir?", "Bu resimde ne var?", "Ne görüyorsun?", "Resimdeki şeyin adı ne?", "Bu resim neyi gösteriyor?"],
    "ru": ["Что это?", "Что на этой картинке?", "Что ты видишь?", "Как называется то, что на картинке?",
           "Что показано на этой картинке?"],
}

WHICH_GROUP = {
    "en": ["Which group does it belong to?", "What kind of thing is this?"],
    "zh": ["它属于哪一类？", "这是哪一类东西？"],
    "pt": ["A que grupo pertence?", "Que tipo de coisa é esta?"],
    "ar": ["إلى أي مجموعة ينتمي؟", "ما نوع هذا الشيء؟"],
    "tr": ["Hangi gruba ait?", "Bu ne tür bir şey?"],
    "ru": ["К какой группе это относится?", "Какого рода эта вещь?"],
}

IS_NAME = {
    "en": ["Is this “{name}”?", "Does the picture show “{name}”?"],
    "zh": ["这是“{name}”吗？", "图中是“{name}”吗？"],
    "pt": ["Isto é “{name}”?", "A imagem mostra “{name}”?"],
    "ar": ["هل هذا «{name}»؟", "هل تُظهر الصورة «{name}»؟"],
    "tr": ["Bu “{name}” mi?", "Resimde “{name}” mi var?"],
    "ru": ["Это «{name}»?", "На картинке «{name}»?"],
}

IS_GROUP = {
    "en": ["Does it belong to “{group}”?"],
    "zh": ["它属于“{group}”吗？"],
    "pt": ["Pertence a “{group}”?"],
    "ar": ["هل ينتمي إلى «{group}»؟"],
    "tr": ["“{group}” grubuna mı ait?"],
    "ru": ["Это относится к группе «{group}»?"],
}

YES = {"en": "yes", "zh": "是", "pt": "sim", "ar": "نعم", "tr": "evet", "ru": "да"}
NO = {"en": "no", "zh": "不是", "pt": "não", "ar": "لا", "tr": "hayır", "ru": "нет"}

# Without a picture.
GROUP_OF = {
    "en": "Which group does “{name}” belong to?",
    "zh": "“{name}”属于哪一类？",
    "pt": "A que grupo pertence “{name}”?",
    "ar": "إلى أي مجموعة ينتمي «{name}»؟",
    "tr": "“{name}” hangi gruba ait?",
    "ru": "К какой группе относится «{name}»?",
}
WORDS_FOR = {
    "en": "Which words go with “{name}”?",
    "zh": "哪些词与“{name}”有关？",
    "pt": "Que palavras combinam com “{name}”?",
    "ar": "ما الكلمات المرتبطة بـ«{name}»؟",
    "tr": "“{name}” ile hangi kelimeler ilgili?",
    "ru": "Какие слова связаны с «{name}»?",
}
COMMA = {"en": ", ", "zh": "、", "pt": ", ", "ar": "، ", "tr": ", ", "ru": ", "}

# How MMMB asks for a letter.
LETTER = {
    "en": "Answer with the option's letter from the given choices directly.",
    "zh": "请直接用给定选项中的选项字母回答。",
    "pt": "Responda diretamente com a letra da opção das escolhas dadas.",
    "ar": "أجب مباشرةً بحرف الخيار من الاختيارات المعطاة.",
    "tr": "Verilen seçeneklerden doğrudan seçeneğin harfi ile cevap verin.",
    "ru": "Ответьте буквой варианта из предложенных вариантов напрямую.",
}


def emoji(code):
    """The character, or sequence of characters, that a thing is."""
    return "".join(chr(int(part, 16)) for part in code.split("-"))


def answer(code, name):
    """What a thing is called. Its character comes first: one token, the same in all languages, from which the name follows."""
    return f"{emoji(code)} {name}"
