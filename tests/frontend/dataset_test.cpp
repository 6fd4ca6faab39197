// Training data to token ids and labels.
#include "frontend/dataset/dataset.h"

#include <nlohmann/json.hpp>

#include "frontend/parrot_prompt.h"
#include "tests/support/golden_tokenizers.h"
#include "tests/support/temporary.h"

namespace lorikeet::test {
namespace {

using Ids = std::vector<int32_t>;
constexpr int32_t kEnd = 2;  // </s>

Dataset good(Result<Dataset> dataset) {
  INFO((dataset ? std::string() : dataset.error().message));
  REQUIRE(dataset.ok());
  return *std::move(dataset);
}

Dataset read(const std::string& text, const DatasetOptions& options = {}) {
  return good(Dataset::parse(text, "a.jsonl", dynmole_tokenizer(), options));
}

std::string failure(const std::string& text, const DatasetOptions& options = {}) {
  const auto dataset = Dataset::parse(text, "a.jsonl", dynmole_tokenizer(), options);
  REQUIRE(!dataset);
  return dataset.error().message;
}

std::string decoded(std::span<const int32_t> ids) { return dynmole_tokenizer().decode(ids); }

// What is learnt, as text.
std::string learnt(const Example& example) {
  Ids ids;
  for (size_t i = 0; i < example.tokens.size(); ++i) {
    if (example.labels[i] == kNoLabel) continue;
    CHECK(example.labels[i] == example.tokens[i]);
    ids.push_back(example.tokens[i]);
  }
  return decoded(ids);
}

}  // namespace

TEST_CASE("dataset: the prompt templates") {
  CHECK(instruction_text(PromptTemplate::moe_peft, "Add.", "1 2") ==
        "### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Output:\n");
  CHECK(instruction_text(PromptTemplate::moe_peft, "Add.", "") == "### Instruction:\nAdd.\n\n### Output:\n");
  CHECK(instruction_text(PromptTemplate::alpaca, "Add.", "1 2") ==
        "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
        "response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### "
        "Response:\n");
  CHECK(instruction_text(PromptTemplate::alpaca, "Add.", "") ==
        "Below is an instruction that describes a task. Write a response that appropriately completes the "
        "request.\n\n### Instruction:\nAdd.\n\n### Response:\n");
  CHECK(instruction_text(PromptTemplate::plain, "Add.", "1 2") == "Add.\n1 2\n");
  for (const auto prompt :
       {PromptTemplate::moe_peft, PromptTemplate::alpaca, PromptTemplate::chat, PromptTemplate::plain})
    CHECK(prompt_template_from_name(name(prompt)) == prompt);
  CHECK(!prompt_template_from_name("vicuna"));
}

TEST_CASE("dataset: the end token follows a text, once, and not under the published rule") {
  const std::string record = R"({"text": "the river"})";
  const Example ended = read(record)[0];
  CHECK(decoded(ended.tokens) == "<s>the river</s>");
  CHECK(ended.labels == ended.tokens);
  CHECK(read(R"({"text": "the river</s>"})")[0].tokens == ended.tokens);
  CHECK(decoded(read(R"({"text": "the river</s> \n"})")[0].tokens) == "<s>the river</s> \n");
  const Dataset published = read(record, {.encoding = {.labels = LabelRule::published}});
  CHECK(decoded(published[0].tokens) == "<s>the river");
  CHECK(published.padding().learnt);
  CHECK(published.padding().token == 0);  // <unk>
  CHECK(!read(record).padding().learnt);
  CHECK(published.rows(0) == int64_t(published[0].tokens.size()));
}

TEST_CASE("dataset: prompts may be left out of what is learnt") {
  const std::string record = R"({"instruction": "Name it.", "input": "cold", "output": "the river"})";
  const Example all = read(record)[0];
  CHECK(decoded(all.tokens) == "<s>### Instruction:\nName it.\n\n### Input:\ncold\n\n### Output:\nthe river\n</s>");
  CHECK(all.labels == all.tokens);
  const Example masked = read(record, {.encoding = {.answers_only = true}})[0];
  CHECK(masked.tokens == all.tokens);
  CHECK(learnt(masked) == "the river\n</s>");
  const Example alpaca = read(record, {.encoding = {.prompt = PromptTemplate::alpaca, .answers_only = true}})[0];
  CHECK(decoded(alpaca.tokens).ends_with("### Response:\nthe river\n</s>"));
  CHECK(learnt(alpaca) == "the river\n</s>");
  // A text has no prompt.
  CHECK(learnt(read(R"({"text": "the river"})", {.encoding = {.answers_only = true}})[0]) == "<s>the river</s>");
}

TEST_CASE("dataset: conversations in the model's chat form") {
  const std::string record = R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},)"
                             R"( {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]})";
  // The tokenizer has no template: ChatML, whose marks are ordinary text here.
  const Example chatml = read(record, {.encoding = {.answers_only = true}})[0];
  CHECK(decoded(chatml.tokens) ==
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
        "<|im_start|>assistant\nd<|im_end|>\n</s>");
  CHECK(learnt(chatml) == "b<|im_end|>\nd<|im_end|>\n</s>");
  CHECK(read(record)[0].tokens == chatml.tokens);
  CHECK(learnt(read(record)[0]) == decoded(chatml.tokens));

  const std::string own =
      "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token "
      "}}{% endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
  const Example templated = read(record, {.encoding = {.answers_only = true, .chat_template = own}})[0];
  CHECK(decoded(templated.tokens) == "<s>[user]a[assistant]b</s>[user]c[assistant]d</s>");
  CHECK(learnt(templated) == "b</s>d</s>");

  const std::string asked = R"({"instruction": "a", "input": "x", "output": "b"})";
  const Example as_chat =
      read(asked, {.encoding = {.prompt = PromptTemplate::chat, .answers_only = true, .chat_template = own}})[0];
  CHECK(decoded(as_chat.tokens) == "<s>[user]a\nx[assistant]b</s>");
  CHECK(learnt(as_chat) == "b</s>");
}

TEST_CASE("dataset: conversations that cannot be learnt are sentences") {
  const auto says = [](const std::string& record, const EncodingOptions& encoding) {
    return failure(record, {.encoding = encoding});
  };
  CHECK(says(R"({"messages": [{"role": "user", "content": "a"}]})", {.answers_only = true}) ==
        "[dataset] a.jsonl line 1: expected at least one message of the assistant, given none.");
  const std::string record =
      R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})";
  CHECK(says(record, {.answers_only = true, .chat_template = "{{ messages | length }}"}) ==
        "[dataset] a.jsonl line 1: expected a chat template that writes each turn once and for all, so that its "
        "answers can be told from the rest, given one that writes earlier turns anew.");
  CHECK(says(record, {.chat_template = "{{ raise_exception('No.') }}"}) == "[dataset] a.jsonl line 1: No.");
  CHECK(says(record, {.chat_template = "{% if %}"}).find("line 1") != std::string::npos);
  CHECK(says(R"({"image": "a.png", "messages": [{"role": "user", "content": "a"}]})", {}) ==
        "[dataset] a.jsonl line 1: expected a record without a picture for a model that reads text alone, given one "
        "with a picture.");
}

TEST_CASE("dataset: token ids are taken as they are") {
  const Example ids = read(R"({"input_ids": [1, 5, 9], "labels": [-100, -100, 9]})")[0];
  CHECK(ids.tokens == Ids{1, 5, 9});
  CHECK(ids.labels == Ids{kNoLabel, kNoLabel, 9});
  CHECK(read(R"({"input_ids": [1, 5]})")[0].labels == Ids{1, 5});
  CHECK(failure(R"({"input_ids": [1, 512]})") == "[dataset] a.jsonl line 1: expected token ids below 512, given 512.");
  CHECK(failure(R"({"input_ids": [1, 5], "labels": [1, 600]})") ==
        "[dataset] a.jsonl line 1: expected labels below 512, given 600.");
  CHECK(read(R"({"input_ids": [1, 512]})", {.encoding = {.vocabulary = 513}}).size() == 1);
}

TEST_CASE("dataset: bad records are an error or counted") {
  const std::string text = "{\"text\": \"one two\"}\n{\"text\": 3}\nnonsense\n\n{\"text\": \"three\"}\n";
  CHECK(failure(text) == "[dataset] a.jsonl line 2: expected a text in the field text, given a number.");
  const Dataset rest = read(text, {.skip_bad = true});
  CHECK(rest.size() == 2);
  CHECK(rest.counts().records == 4);
  CHECK(rest.counts().bad == 2);
  CHECK(rest.counts().first_bad == "[dataset] a.jsonl line 2: expected a text in the field text, given a number.");
  CHECK(failure("{\"a\": 1}\n[", {.skip_bad = true}) ==
        "[dataset] a.jsonl: expected at least one good record, given 2 bad ones; the first: [dataset] a.jsonl line 1: "
        "expected a field messages, input_ids, instruction or text, given only a.");
  CHECK(failure("{\"text\": \"a\"}\n{") == "[dataset] a.jsonl line 2 is not valid JSON.");
  for (const char* empty : {"", "\n\n", "[]"})
    CHECK(failure(empty) == "[dataset] a.jsonl: expected at least one record, given none.");
  CHECK(failure(R"({"input_ids": [1, 5, 9], "labels": [1, -100, -100]})") ==
        "[dataset] a.jsonl: expected at least one example with something to learn, given 1 with nothing.");
  const Dataset array = read("[{\"text\": \"one\"},\n{\"text\": \"two\"}]");
  CHECK(array.size() == 2);
}

TEST_CASE("dataset: examples that are too long are cut or refused, and counted") {
  const std::string text =
      "{\"input_ids\": [1, 2, 3]}\n{\"input_ids\": [1, 2, 3, 4, 5, 6]}\n{\"input_ids\": [1, 2, 3, 4, 5]}\n";
  const Dataset cut = read(text, {.max_tokens = 4});
  CHECK(cut.counts().truncated == 2);
  CHECK(cut.counts().longest == 6);
  CHECK(cut.counts().longest_at == "a.jsonl line 2");
  CHECK(cut.counts().tokens == 11);
  CHECK(cut[1].tokens == Ids{1, 2, 3, 4});
  CHECK(cut[1].labels == Ids{1, 2, 3, 4});
  CHECK(failure(text, {.max_tokens = 4, .too_long = TooLong::refuse}) ==
        "[dataset] a.jsonl: expected at most 4 tokens an example, given 2 longer ones of 3; the longest, a.jsonl line "
        "2, has 6.");
  CHECK(read(text, {.max_tokens = 6, .too_long = TooLong::refuse}).size() == 3);
  CHECK(failure(text, {.max_tokens = 1}) == "[dataset] expected at least 2 tokens as the longest example, given 1.");
  // Where only the end was to be learnt, nothing is left.
  const Dataset left =
      read(text + R"({"input_ids": [1, 2, 3, 4, 5], "labels": [-1, -1, -1, -1, 5]})", {.max_tokens = 4});
  CHECK(left.size() == 3);
  CHECK(left.counts().without_label == 1);
}

TEST_CASE("dataset: files, and what they may lack") {
  const TemporaryFolder folder;
  folder.write("a.jsonl", R"({"text": "one"})");
  const Tokenizer tokenizer = dynmole_tokenizer();
  CHECK(good(Dataset::read(folder / "a.jsonl", tokenizer, {})).size() == 1);
  const auto none = Dataset::read(folder / "none.jsonl", tokenizer, {});
  REQUIRE(!none);
  CHECK(none.error().message.find("none.jsonl") != std::string::npos);
  const Tokenizer endless = tokenizer_of(golden_text("dynmole/tokenizer.json"), "{}");
  const auto unended = Dataset::read(folder / "a.jsonl", endless, {});
  REQUIRE(!unended);
  CHECK(unended.error().message ==
        "[dataset] expected an end token in the tokenizer to put after each text, given none.");
  CHECK(good(Dataset::read(folder / "a.jsonl", endless, {.encoding = {.labels = LabelRule::published}})).size() == 1);
}

TEST_CASE("dataset: conversations about pictures have the ids and labels of the published trainer") {
  const nlohmann::json recorded = nlohmann::json::parse(golden_text("parrot/training.json"));
  const Dataset dataset = good(Dataset::parse(recorded.at("samples").dump(), "samples.json", parrot_tokenizer(),
                                              {.encoding = {.visual_tokens = 17}, .picture_folder = "pictures"}));
  REQUIRE(dataset.size() == 3);
  const std::vector<std::string> order = recorded.at("batch").at("order");
  for (size_t i = 0; i < order.size(); ++i) {
    const Example& example = dataset[size_t(order[i][1] - '0')];
    const nlohmann::json& expected = recorded.at("batch").at("samples")[i];
    CHECK(example.tokens == expected.at("input_ids").get<Ids>());
    Ids labels = expected.at("labels");
    std::replace(labels.begin(), labels.end(), -100, kNoLabel);
    CHECK(example.labels == labels);
  }
  CHECK(dataset[0].picture == (std::filesystem::path("pictures") / "house_landscape.png").string());
  CHECK(dataset[2].picture.empty());
  CHECK(dataset.rows(0) == int64_t(dataset[0].tokens.size()) + 16);
  CHECK(dataset.padding().token == 1020);
  CHECK(!dataset.padding().learnt);
}

TEST_CASE("dataset: a picture's place is where the record says, or in front of the first question") {
  const auto dataset = [](const std::string& record, int64_t max_tokens = 512) {
    return Dataset::parse(record, "a.jsonl", parrot_tokenizer(),
                          {.encoding = {.visual_tokens = 17}, .max_tokens = max_tokens});
  };
  const auto record = [](const std::string& question, bool picture = true) {
    return std::string("{") + (picture ? "\"image\": \"a.png\", " : "") +
           "\"messages\": [{\"role\": \"user\", \"content\": \"" + question +
           "\"}, {\"role\": \"assistant\", \"content\": \"yes\"}]}";
  };
  const Dataset named = good(dataset(record("<image>\\nWhat?")));
  CHECK(good(dataset(record("What?")))[0].tokens == named[0].tokens);
  CHECK(good(dataset(record(" What? <image> ")))[0].tokens == named[0].tokens);
  CHECK(good(dataset(record("<image>")))[0].tokens.size() < named[0].tokens.size());
  CHECK(std::count(named[0].tokens.begin(), named[0].tokens.end(), kPictureToken) == 1);

  const auto says = [&](const std::string& text, int64_t max_tokens = 512) {
    const auto failed = dataset(text, max_tokens);
    REQUIRE(!failed);
    return failed.error().message;
  };
  CHECK(says(record("<image> What?", false)) ==
        "[dataset] a.jsonl line 1: expected as many places <image> as pictures, 0, given 1.");
  CHECK(says(record("<image><image>")) ==
        "[dataset] a.jsonl line 1: expected as many places <image> as pictures, 1, given 2.");
  CHECK(says(record("What?"), 20) ==
        "[dataset] a.jsonl line 1: expected the 17 tokens of the picture among the first 20, given them behind.");
  CHECK(says(R"({"messages": [{"role": "user", "content": "a"}]})") ==
        "[dataset] a.jsonl line 1: [parrot_prompt] expected the assistant's message at the end, given one of the role "
        "user.");
  CHECK(says(R"({"image": "a.png", "instruction": "a", "output": "b"})") ==
        "[dataset] a.jsonl line 1: expected a conversation about the picture or a text about it, given a record of "
        "another form.");
  CHECK(says(R"({"image": "a.png", "input_ids": [1, 2]})") ==
        "[dataset] a.jsonl line 1: expected a conversation about the picture, given token ids.");
  // Cut behind the picture: what is left of the answer is learnt.
  const Dataset cut = good(dataset(record("What?"), named.rows(0) - 1));
  CHECK(cut.counts().truncated == 1);
  CHECK(cut[0].tokens.size() == named[0].tokens.size() - 1);
}

TEST_CASE("dataset: a text about a picture follows it, and is learnt whole with an end") {
  const Tokenizer tokenizer = parrot_tokenizer();
  const auto dataset = [&](const std::string& text) {
    return Dataset::parse("{\"image\": \"a.png\", \"text\": \"" + text + "\"}", "a.jsonl", tokenizer,
                          {.encoding = {.visual_tokens = 17}, .max_tokens = 512});
  };
  const Dataset plain = good(dataset("a house"));
  const Dataset placed = good(dataset("<image>a house"));
  const Example& example = plain[0];
  Ids expected = {kPictureToken};
  const auto words = tokenizer.encode("a house", {.parse_special = true, .add_special = false});
  REQUIRE(words);
  expected.insert(expected.end(), words->begin(), words->end());
  expected.push_back(tokenizer.special().eos.id.value());
  CHECK(example.tokens == expected);
  expected[0] = kNoLabel;
  CHECK(example.labels == expected);
  CHECK(example.picture == "a.png");
  CHECK(placed[0].tokens == example.tokens);

  const auto says = [&](const std::string& text) {
    const auto failed = dataset(text);
    REQUIRE(!failed);
    return failed.error().message;
  };
  CHECK(says("<image> ") == "[dataset] a.jsonl line 1: expected a text about the picture, given an empty one.");
  CHECK(says("<image><image>a") ==
        "[dataset] a.jsonl line 1: expected at most one place <image> for one picture, given more.");
}

}  // namespace lorikeet::test
