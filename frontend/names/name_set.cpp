#include "frontend/names/name_set.h"

#include <algorithm>
#include <unordered_map>

#include "frontend/dataset/records.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet::names {
namespace {

Result<std::string> name_in(const Json& names, const std::string& thing, const std::string& where) {
  LK_ASSIGN(std::string name, text_field(names, thing.c_str(), where));
  if (!name.empty()) return name;
  return corrupt(join(where, ": expected a name for ", thing, ", given an empty text."));
}

Status read_optional(const Json& record, const char* name, const std::string& where, std::string& text) {
  if (!field(record, name)) return Done{};
  LK_ASSIGN(text, text_field(record, name, where));
  return Done{};
}

// The first language says which things there are.
Result<Language> read_language(const std::string& code, const Json& entry, const std::string& file,
                               std::vector<std::string>& things) {
  const std::string where = join(file, " language ", code);
  if (!entry.is_object()) return corrupt(join(where, ": expected an object, given ", kind_of(&entry), "."));
  Language language{.code = code};
  LK_ASSIGN(language.question, text_field(entry, "question", where));
  const Json* names = field(entry, "names");
  if (!names || !names->is_object() || names->empty())
    return corrupt(join(where, ": expected an object of names, given ", kind_of(names), "."));
  if (things.empty())
    for (const auto& [thing, name] : names->items()) things.push_back(thing);
  for (const std::string& thing : things) {
    LK_ASSIGN(std::string name, name_in(*names, thing, where));
    language.names.push_back(std::move(name));
  }
  if (names->size() != things.size())
    return corrupt(
        join(where, ": expected the same ", things.size(), " things in each language, given ", names->size(), "."));
  return language;
}

}  // namespace

Result<NameSet> parse_names(std::string_view text, const std::string& file) {
  LK_ASSIGN(const Json json, parse_record({text, 1}, file));
  const Json* languages = field(json, "languages");
  if (!languages || !languages->is_object() || languages->empty())
    return corrupt(join(file, ": expected an object of languages, given ", kind_of(languages), "."));
  NameSet set;
  for (const auto& [code, entry] : languages->items()) {
    LK_ASSIGN(Language language, read_language(code, entry, file, set.things));
    set.languages.push_back(std::move(language));
  }
  return set;
}

Result<NameSet> read_names(const std::filesystem::path& file) {
  LK_ASSIGN(const std::string text, read_text(file));
  return parse_names(text, join("[names] ", file.string()));
}

Result<std::vector<NamedPicture>> parse_pictures(std::string_view text, const std::filesystem::path& file,
                                                 const NameSet& names) {
  std::unordered_map<std::string_view, size_t> numbers;
  for (size_t i = 0; i < names.things.size(); ++i) numbers.emplace(names.things[i], i);
  std::vector<NamedPicture> pictures;
  const std::string named = join("[names] ", file.string());
  LK_TRY(read_records(text, named, [&](const Json& record, const std::string& where) -> Status {
    NamedPicture picture;
    LK_ASSIGN(const std::string image, text_field(record, "image", where));
    LK_ASSIGN(const std::string thing, text_field(record, "thing", where));
    const auto number = numbers.find(thing);
    if (number == numbers.end())
      return corrupt(join(where, ": expected a thing that has names, given \"", thing.substr(0, 100), "\"."));
    picture.file = file.parent_path() / image;
    picture.thing = number->second;
    LK_TRY(read_optional(record, "group", where, picture.group));
    LK_TRY(read_optional(record, "split", where, picture.split));
    pictures.push_back(std::move(picture));
    return Done{};
  }));
  if (pictures.empty()) return corrupt(join(named, ": expected at least one picture, given none."));
  return pictures;
}

Result<std::vector<NamedPicture>> read_pictures(const std::filesystem::path& file, const NameSet& names) {
  LK_ASSIGN(const std::string text, read_text(file));
  return parse_pictures(text, file, names);
}

}  // namespace lorikeet::names
