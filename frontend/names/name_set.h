// What is asked for: the names of things in each language, and pictures of which the right thing is known.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet::names {

// {"languages": {"en": {"question": "What is this?", "names": {"1f431": "cat face", ...}}, ...}}
struct Language {
  std::string code;                // "en"
  std::string question;            // that every picture is asked
  std::vector<std::string> names;  // by the number of the thing
};

struct NameSet {
  std::vector<std::string> things;  // every language names all of them
  std::vector<Language> languages;
};

// Errors: io or not_found for the file; corrupt for what is in it.
Result<NameSet> read_names(const std::filesystem::path& file);
Result<NameSet> parse_names(std::string_view text, const std::string& file);  // `file` names it in messages

// One line each: {"image": "cat.png", "thing": "1f431", "group": "animals", "split": "openmoji"}
struct NamedPicture {
  std::filesystem::path file;
  size_t thing = 0;          // number
  std::string group, split;  // empty: none
};

// Paths are relative to the file. Errors: as above.
Result<std::vector<NamedPicture>> read_pictures(const std::filesystem::path& file, const NameSet& names);
Result<std::vector<NamedPicture>> parse_pictures(std::string_view text, const std::filesystem::path& file,
                                                 const NameSet& names);

}  // namespace lorikeet::names
