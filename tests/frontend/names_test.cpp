// Naming pictures without a device: files of names and pictures, the search against all names one by one, the language
// of an answer, experts by language.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "frontend/names/answer_language.h"
#include "frontend/names/expert_map.h"
#include "frontend/names/name_search.h"
#include "frontend/names/report.h"
#include "tests/support/catch.h"

namespace lorikeet::test {
namespace {

using namespace names;
using Ids = std::vector<int32_t>;

constexpr const char* kNames = R"({"languages": {
  "en": {"question": "What is this?", "names": {"1": "cat face", "2": "pizza"}},
  "pt": {"question": "O que é isto?", "names": {"1": "rosto de gato", "2": "pizza"}},
  "zh": {"question": "这是什么？", "names": {"1": "猫脸", "2": "披萨"}}}})";

template <class T>
T good(Result<T> result) {
  INFO((result ? std::string() : result.error().message));
  REQUIRE(result.ok());
  return *std::move(result);
}

NameSet three() { return good(parse_names(kNames, "names.json")); }

// A language model of its own: logits that depend on what was said.
constexpr int32_t kVocabulary = 12, kEnd = 11;
std::vector<float> logits_after(const Ids& said, uint32_t seed) {
  uint32_t hash = seed;
  for (const int32_t token : said) hash = hash * 31 + uint32_t(token) + 7;
  std::mt19937 random(hash);
  std::vector<float> logits;
  for (int32_t i = 0; i < kVocabulary; ++i) logits.push_back(float(random() % 1000) / 150);
  return logits;
}

double log_probability(const Ids& name, uint32_t seed) {
  double sum = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    const std::vector<float> logits = logits_after({name.begin(), name.begin() + ptrdiff_t(i)}, seed);
    double all = 0;
    for (const float logit : logits) all += std::exp(double(logit));
    sum += logits[size_t(name[i])] - std::log(all);
  }
  return sum;
}

}  // namespace

TEST_CASE("names: a file has the same things in every language") {
  const NameSet set = three();
  CHECK(set.things == std::vector<std::string>{"1", "2"});
  REQUIRE(set.languages.size() == 3);
  const auto zh =
      std::find_if(set.languages.begin(), set.languages.end(), [](const auto& l) { return l.code == "zh"; });
  REQUIRE(zh != set.languages.end());
  CHECK(zh->names == std::vector<std::string>{"猫脸", "披萨"});
  CHECK(zh->question == "这是什么？");
}

TEST_CASE("names: what is wrong with a file is a sentence") {
  const auto says = [](const std::string& text, const std::string& part) {
    const auto set = parse_names(text, "names.json");
    INFO(text);
    REQUIRE(!set);
    INFO(set.error().message);
    CHECK(set.error().message.find(part) != std::string::npos);
  };
  says("[]", "names.json");
  says("{", "names.json");
  says("{}", "expected an object of languages, given nothing");
  says(R"({"languages": {}})", "expected an object of languages");
  says(R"({"languages": {"en": 1}})", "language en: expected an object");
  says(R"({"languages": {"en": {"names": {"1": "a"}}}})", "question");
  says(R"({"languages": {"en": {"question": "?", "names": {}}}})", "expected an object of names");
  says(R"({"languages": {"en": {"question": "?", "names": {"1": ""}}}})", "given an empty text");
  const std::string en = R"({"languages": {"en": {"question": "?", "names": {"1": "a", "2": "b"}}, )";
  says(en + R"("zh": {"question": "?", "names": {"1": "a"}}}})", "language zh");
  says(en + R"("zh": {"question": "?", "names": {"1": "a", "2": "b", "3": "c"}}}})", "expected the same 2 things");
}

TEST_CASE("names: pictures with the right thing") {
  const NameSet set = three();
  const auto pictures =
      good(parse_pictures("{\"image\": \"a.png\", \"thing\": \"2\", \"group\": \"food\", \"split\": "
                          "\"s\"}\n\n{\"image\": \"b.png\", \"thing\": "
                          "\"1\"}\n",
                          "folder/test.jsonl", set));
  REQUIRE(pictures.size() == 2);
  CHECK(pictures[0].file == std::filesystem::path("folder") / "a.png");
  CHECK(pictures[0].thing == 1);
  CHECK(pictures[0].group == "food");
  CHECK(pictures[1].split.empty());
  const auto says = [&](const std::string& text, const std::string& part) {
    const auto read = parse_pictures(text, "test.jsonl", set);
    REQUIRE(!read);
    INFO(read.error().message);
    CHECK(read.error().message.find(part) != std::string::npos);
  };
  says("", "expected at least one picture");
  says("{\"image\": \"a.png\"}", "test.jsonl line 1");
  says("{\"image\": \"a.png\", \"thing\": \"3\"}", "expected a thing that has names, given \"3\"");
  says("{\"image\": 1, \"thing\": \"1\"}", "image");
}

TEST_CASE("names: the search finds what comparing all names finds") {
  std::mt19937 random(3);
  for (uint32_t round = 0; round < 60; ++round) {
    NameTrie trie;
    std::map<Ids, std::vector<size_t>> all;
    for (size_t thing = 0; thing < 40; ++thing) {
      Ids name;
      for (size_t i = 0, n = 1 + random() % 4; i < n; ++i) name.push_back(int32_t(random() % 4));
      name.push_back(kEnd);
      trie.add(name, thing);
      all[name].push_back(thing);
    }
    std::vector<std::pair<double, std::vector<size_t>>> ranked;
    for (const auto& [name, things] : all) ranked.emplace_back(log_probability(name, round), things);
    std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    NameSearch search(trie, 5);
    size_t asked = 0;
    for (; const auto said = search.wanted(); ++asked) search.take(logits_after(*said, round));
    REQUIRE(search.found().size() == std::min<size_t>(5, ranked.size()));
    for (size_t i = 0; i < search.found().size(); ++i) {
      CHECK(*search.found()[i].things == ranked[i].second);
      CHECK(std::abs(search.found()[i].log_probability - ranked[i].first) < 1e-9);
    }
    CHECK(asked < trie.size());
  }
}

TEST_CASE("names: a search for more names than there are ends with all of them") {
  NameTrie trie;
  trie.add(Ids{1, kEnd}, 0);
  trie.add(Ids{2, 3, kEnd}, 1);
  trie.add(Ids{2, 3, kEnd}, 2);
  NameSearch search(trie, 9);
  while (const auto said = search.wanted()) search.take(logits_after(*said, 1));
  REQUIRE(search.found().size() == 2);
  CHECK(search.found()[0].things->size() + search.found()[1].things->size() == 3);
}

TEST_CASE("names: the language of an answer") {
  const NameSet set = three();
  const AnswerLanguage language(set);
  const auto number = [&](const std::string& code) {
    for (size_t i = 0; i < set.languages.size(); ++i)
      if (set.languages[i].code == code) return i;
    return size_t(-1);
  };
  CHECK(language.is("cat face", number("en")));
  CHECK(language.is("Cat pizza", number("en")));
  CHECK_FALSE(language.is("cat face", number("pt")));
  CHECK(language.is("pizza", number("en")));  // a word of both
  CHECK(language.is("pizza", number("pt")));
  CHECK_FALSE(language.is("pizza", number("zh")));
  CHECK(language.is("披脸", number("zh")));
  CHECK_FALSE(language.is("qqq", number("en")));
  CHECK_FALSE(language.is("", number("en")));
  CHECK(words_of("Rosto, de (gato)") == std::vector<std::string>{"rosto", "de", "gato"});
  CHECK(words_of("猫a 脸") == std::vector<std::string>{"猫", "a", "脸"});
}

TEST_CASE("names: languages with experts of their own share all their information") {
  ExpertMap own(2), same(2);
  CHECK(own.empty());
  for (int i = 0; i < 50; ++i)
    for (size_t l = 0; l < 2; ++l) {
      own.add(l, std::vector<float>{l == 0 ? 1.f : 0.f, l == 0 ? 0.f : 1.f});
      same.add(l, std::vector<float>{0.3f, 0.7f});
    }
  CHECK(std::abs(own.information() - 1) < 1e-9);
  CHECK(std::abs(same.information()) < 1e-9);
  CHECK(own.shuffled_information(1) < 0.1);
  CHECK(own.shuffled_information(1) > 0);
  CHECK(own.shuffled_information(1) == own.shuffled_information(1));
  CHECK(own.means()[1] == std::vector<double>{0, 1});
  CHECK(ExpertMap(2).information() == 0);
}

TEST_CASE("names: a report counts by language and group and split") {
  const NameSet set = three();
  const std::vector<NamedPicture> pictures = {{"a.png", 0, "animals", "s"}, {"b.png", 1, "food", "s"}};
  std::vector<names::Naming> namings;
  for (size_t picture = 0; picture < 2; ++picture)
    for (size_t l = 0; l < 3; ++l)
      namings.push_back({.picture = picture,
                         .language = l,
                         .names = {{{picture == 0 || l == 0 ? picture : 1 - picture}, -0.1}, {{picture}, -2}},
                         .answer = set.languages[l].names[picture],
                         .experts = {0.5f, 0.5f}});
  namings.back().names.pop_back();
  namings.back().answer = "qqq";
  const RunOptions options{.names = 2};
  const Summary all = summary(set, pictures, namings, options);
  const auto json = report_json(all, set);
  CHECK(json.at("mean").at("top_1").get<double>() == Approx(2.0 / 3));
  CHECK(json.at("mean").at("top_2").get<double>() == Approx(2.5 / 3));
  CHECK(json.at("mean").at("in_language").get<double>() == Approx(2.5 / 3));
  CHECK(json.at("groups").at("animals").at("top_1") == 1);
  CHECK(json.at("groups").at("food").at("top_1").get<double>() == Approx(1.0 / 3));
  CHECK(json.at("splits").at("s").at("pictures") == 6);
  CHECK(json.at("languages").at(set.languages[0].code).at("groups").at("food").at("top_1") == 1);
  CHECK(std::abs(json.at("information").get<double>()) < 1e-9);
  const std::string table = report_table(all, set);
  for (const char* part : {"top 1  top 2", "in language", "mean", "animals", "food", "66.67", "experts", "shuffled"})
    CHECK(table.find(part) != std::string::npos);
  const auto without = report_json(summary(set, pictures, namings, {.names = 2, .answer_tokens = 0}), set);
  CHECK_FALSE(without.at("mean").contains("in_language"));
}

}  // namespace lorikeet::test
