// Records of training data in every form, and each bad one with its sentence.
#include "frontend/dataset/example_record.h"

#include "frontend/dataset/example.h"
#include "frontend/dataset/records.h"
#include "tests/support/catch.h"

namespace lorikeet::test {
namespace {

using Ids = std::vector<int32_t>;

struct Place {
  std::string json;
  size_t line;
  bool operator==(const Place&) const = default;
};

std::vector<Place> records_of(std::string_view text) {
  std::vector<Place> records;
  RecordReader reader(text);
  while (const auto record = reader.next())
    records.push_back(
        {*record->problem ? "! " + std::string(record->problem) : std::string(record->json), record->line});
  return records;
}

using Places = std::vector<Place>;

Result<ExampleRecord> record_of(const std::string& json) {
  return example_record(Json::parse(json), "train.jsonl line 3");
}

ExampleRecord good(const std::string& json) {
  auto record = record_of(json);
  INFO((record ? json : record.error().message));
  REQUIRE(record.ok());
  return *std::move(record);
}

// What is wrong with it, without the place.
std::string bad(const std::string& json) {
  const auto record = record_of(json);
  INFO(json);
  REQUIRE(!record);
  CHECK(record.error().code == ErrorCode::corrupt);
  REQUIRE(record.error().message.starts_with("train.jsonl line 3: expected "));
  return record.error().message.substr(std::string_view("train.jsonl line 3: expected ").size());
}

}  // namespace

TEST_CASE("records: lines, whatever ends them, and blank ones in between") {
  CHECK(records_of("\xEF\xBB\xBF{\"a\":1}\r\n\n  \t\n {\"b\":2}\n{\"c\":3}") ==
        Places{{"{\"a\":1}", 1}, {"{\"b\":2}", 4}, {"{\"c\":3}", 5}});
  CHECK(records_of("").empty());
  CHECK(records_of("\n \n").empty());
}

TEST_CASE("records: the elements of an array, with the lines where they begin") {
  CHECK(records_of(" \n[\n {\"a\": \"]}\\\"\"},\n {\"b\":\n [1, {}]}\n, 7,\"x\"\n]\n") ==
        Places{{"{\"a\": \"]}\\\"\"}", 3}, {"{\"b\":\n [1, {}]}", 4}, {"7", 6}, {"\"x\"", 6}});
  CHECK(records_of("[]").empty());
  CHECK(records_of("[{},]") == Places{{"{}", 1}, {"", 1}});
  CHECK(records_of("[{}\n {}]") ==
        Places{{"{}", 1}, {"! expected a comma or the end of the array, given other text", 2}});
  CHECK(records_of("[{},\n") == Places{{"{}", 1}, {"! expected the end of the array, given the end of the file", 2}});
  CHECK(records_of("[{}] {}") == Places{{"{}", 1}, {"! expected nothing after the array, given more text", 1}});
  CHECK(records_of("[{\"a\": \"") == Places{{"{\"a\": \"", 1}});
}

TEST_CASE("records: what is no JSON object is a sentence with file and line") {
  const auto message = [](std::string_view text) {
    const Status status = read_records(text, "a.jsonl", [](const Json&, const std::string&) { return Done{}; });
    REQUIRE(!status);
    return status.error().message;
  };
  CHECK(message("{}\n{\"a\":}\n") == "a.jsonl line 2 is not valid JSON.");
  CHECK(message("{}\n3\n") == "a.jsonl line 2 must hold a JSON object.");
  CHECK(message("{}\n{\"a\":\"\xFF\"}\n") == "a.jsonl line 2 is not valid JSON.");
  CHECK(message("[{}\n{}]") == "a.jsonl line 2: expected a comma or the end of the array, given other text.");
  size_t read = 0;
  const auto stop = [&](const Json&, const std::string& where) -> Status {
    return ++read < 2 ? Status(Done{}) : Status(invalid(where));
  };
  const Status stopped = read_records("{}\n\n{}\n{}", "b", stop);
  REQUIRE(!stopped);
  CHECK(stopped.error().message == "b line 3");
}

TEST_CASE("records: every form of training data") {
  CHECK(good(R"({"text": "once"})").text == "once");

  const ExampleRecord asked = good(R"({"instruction": "i", "input": "x", "output": "o", "text": "not this"})");
  CHECK(asked.kind == RecordKind::instruction);
  CHECK(asked.instruction + asked.input + asked.answer == "ixo");
  CHECK(asked.where == "train.jsonl line 3");
  CHECK(good(R"({"instruction": "i", "input": null, "output": ""})").input.empty());

  const ExampleRecord ids = good(R"({"input_ids": [1, 5, 0], "labels": [-100, 5, -1]})");
  CHECK(ids.kind == RecordKind::ids);
  CHECK(ids.ids == Ids{1, 5, 0});
  CHECK(ids.labels == Ids{kNoLabel, 5, kNoLabel});
  CHECK(good(R"({"input_ids": [2147483647]})").labels.empty());

  const ExampleRecord talk =
      good(R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u", "name": "x"}]})");
  CHECK(talk.kind == RecordKind::messages);
  REQUIRE(talk.messages.size() == 2);
  CHECK(talk.messages[1].role == "user");
  CHECK(talk.messages[1].content == "u");
  const ExampleRecord llava = good(R"({"id": 1, "image": "a.png", "conversations": [{"from": "human", "value": "?"},)"
                                   R"( {"from": "gpt", "value": "!"}]})");
  CHECK(llava.picture == "a.png");
  CHECK(llava.messages[0].role == "user");
  CHECK(llava.messages[1].role == "assistant");
}

TEST_CASE("records: a picture is named in several ways") {
  for (const char* part :
       {R"({"type": "image", "image": "a.png"})", R"({"type": "image", "path": "a.png"})",
        R"({"type": "image", "url": "file://a.png"})", R"({"type": "image_url", "image_url": {"url": "a.png"}})"}) {
    const ExampleRecord record = good(std::string(R"({"messages": [{"role": "user", "content": [)") + part +
                                      R"(, {"type": "text", "text": "What?"}]}]})");
    CHECK(record.picture == "a.png");
    CHECK(record.messages[0].content == "<image>What?");
  }
  const std::string begin = R"({"messages": [{"role": "user", "content": [{"type": "image"}]}], )";
  CHECK(good(begin + R"("image": "a.png"})").picture == "a.png");
  CHECK(good(begin + R"("images": [{"path": "a.png"}]})").picture == "a.png");
  CHECK(good(begin + R"("images": []})").picture.empty());
  CHECK(bad(begin + R"("images": ["a.png", "b.png"]})") == "at most one picture, given more.");
  CHECK(bad(begin + R"("images": "a.png"})") == "a list in the field images, given a text.");
  CHECK(bad(begin + R"("image": 3})") == "the path of a picture, given a number.");
  CHECK(bad(begin + R"("image": ""})") == "the path of a picture, given an empty text.");
  for (const char* address : {"https://x/a.png", "data:image/png;base64,AAAA"})
    CHECK(bad(begin + R"("image": ")" + address + "\"}") ==
          "the path of a picture file, given an address or the picture itself.");
}

TEST_CASE("records: a bad one is a sentence") {
  CHECK(bad("{}") == "a field messages, input_ids, instruction or text, given an empty object.");
  CHECK(bad(R"({"prompt": "p", "question": "q"})") ==
        "a field messages, input_ids, instruction or text, given only prompt, question.");
  CHECK(bad(R"({"text": 3})") == "a text in the field text, given a number.");
  CHECK(bad(R"({"text": ""})") == "a text in the field text, given an empty one.");
  CHECK(bad(R"({"instruction": "i"})") == "a text in the field output, given nothing.");
  CHECK(bad(R"({"instruction": "i", "input": [], "output": "o"})") == "a text in the field input, given a list.");
  CHECK(bad(R"({"instruction": true, "output": "o"})") == "a text in the field instruction, given true or false.");
  CHECK(bad(R"({"input_ids": 3})") == "a list in the field input_ids, given a number.");
  CHECK(bad(R"({"input_ids": []})") == "at least one token in the field input_ids, given none.");
  CHECK(bad(R"({"input_ids": [1, "a"]})") == "token ids in the field input_ids, given a text.");
  CHECK(bad(R"({"input_ids": [1.5]})") == "token ids in the field input_ids, given a number.");
  CHECK(bad(R"({"input_ids": [-1]})") == "token ids in the field input_ids, given -1.");
  CHECK(bad(R"({"input_ids": [18446744073709551615]})") ==
        "token ids in the field input_ids, given 18446744073709551615.");
  CHECK(bad(R"({"input_ids": [2147483648]})") == "token ids in the field input_ids, given 2147483648.");
  CHECK(bad(R"({"input_ids": [1], "labels": [-2]})") == "token ids or -100 in the field labels, given -2.");
  CHECK(bad(R"({"input_ids": [1], "labels": [1, 2]})") == "as many labels as input_ids, 1, given 2.");
  CHECK(bad(R"({"messages": {}})") == "a list of messages, given an object.");
  CHECK(bad(R"({"messages": []})") == "at least one message, given none.");
  CHECK(bad(R"({"messages": ["hi"]})") == "objects as messages, given a text.");
  CHECK(bad(R"({"messages": [{"content": "c"}]})") == "a text in the field role, given nothing.");
  CHECK(bad(R"({"messages": [{"role": "user"}]})") == "a text in the field content, given nothing.");
  CHECK(bad(R"({"messages": [{"role": "user", "content": ["x"]}]})") == "a text in the field type, given nothing.");
  CHECK(bad(R"({"messages": [{"role": "user", "content": [{"type": "audio"}]}]})") ==
        "parts of the types text, image or image_url, given \"audio\".");
}

}  // namespace lorikeet::test
