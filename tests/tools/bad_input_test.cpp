// Bad input through the program: one sentence, status 1, nothing on stdout.
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"
#include "tests/tools/program.h"

using namespace lorikeet;
using nlohmann::json;
using test::failure;

namespace {

using Arguments = std::vector<std::string>;

std::string text_of(const std::filesystem::path& path) {
  auto text = read_text(path);
  REQUIRE(text.ok());
  return *text;
}

void put(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

struct Damage {
  const char* what;
  std::function<void(const std::filesystem::path&)> apply;
  const char* part;  // of the sentence
};

void change_config(const std::filesystem::path& path, const char* key, const json& value) {
  json config = json::parse(text_of(path / "config.json"));
  config[key] = value;
  put(path / "config.json", config.dump());
}

void change_weights(const std::filesystem::path& path, const std::function<void(std::string&)>& change) {
  std::string bytes = text_of(path / "model.safetensors");
  change(bytes);
  put(path / "model.safetensors", bytes);
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

}  // namespace

#define NEED_DEVICE() \
  if (!test::test_device()) LK_SKIP(no_device, "bad input")

TEST_CASE("bad input: damaged directories") {
  NEED_DEVICE();
  const Damage table[] = {
      {"no config", [](auto& p) { std::filesystem::remove(p / "config.json"); }, "config.json"},
      {"config is no JSON", [](auto& p) { put(p / "config.json", "{\"model_type\": "); }, "config.json"},
      {"config of numbers", [](auto& p) { put(p / "config.json", "[1, 2, 3]"); }, "config.json"},
      {"unknown architecture", [](auto& p) { change_config(p, "model_type", "parakeet"); }, "parakeet"},
      {"a number that is a text", [](auto& p) { change_config(p, "hidden_size", "many"); }, "hidden_size"},
      {"an absurd number of layers", [](auto& p) { change_config(p, "num_hidden_layers", 4000000000u); }, ""},
      {"a layer too many", [](auto& p) { change_config(p, "num_hidden_layers", 3); }, "model.layers.2"},
      {"a width that the tensors do not have", [](auto& p) { change_config(p, "intermediate_size", 100); }, "mlp"},
      {"heads that do not divide", [](auto& p) { change_config(p, "num_attention_heads", 5); }, ""},
      {"no weights", [](auto& p) { std::filesystem::remove(p / "model.safetensors"); }, "safetensors"},
      {"empty weights", [](auto& p) { put(p / "model.safetensors", ""); }, "model.safetensors"},
      {"truncated weights", [](auto& p) { change_weights(p, [](std::string& b) { b.resize(b.size() / 2); }); },
       "model.safetensors"},
      {"a header of 2^60 bytes", [](auto& p) { change_weights(p, [](std::string& b) { b[7] = 0x10; }); },
       "model.safetensors"},
      {"an unknown tensor type",
       [](auto& p) { change_weights(p, [](std::string& b) { replace(b, "\"F32\"", "\"F12\""); }); },
       "model.safetensors"},
      {"a missing tensor",
       [](auto& p) { change_weights(p, [](std::string& b) { replace(b, "model.norm.weight", "model.morn.weight"); }); },
       "model.norm.weight"},
  };
  for (const Damage& damage : table) {
    INFO(damage.what);
    const auto path = test::write_tiny_model("lorikeet-tiny-damaged");
    damage.apply(path);
    const std::string sentence =
        failure(test::lorikeet({"generate", "-m", path.string(), "--tokens", "1,2", "--max-tokens", "2"}), 1);
    REQUIRE_FALSE(sentence.empty());
    INFO(sentence);
    CHECK(sentence.find(damage.part) != std::string::npos);
  }
}

TEST_CASE("bad input: GGUF files") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  const auto model = test::write_tiny_model("lorikeet-tiny-gguf");
  const std::string good = (folder / "good.gguf").string();
  REQUIRE(test::lorikeet({"convert", "-m", model.string(), good, "--type", "q8_0"}).status == 0);
  const std::string bytes = text_of(good);
  const auto refused = [&](const std::string& what, const std::string& content) {
    INFO(what);
    put(folder / "bad.gguf", content);
    const std::string sentence = failure(
        test::lorikeet({"generate", "-m", (folder / "bad.gguf").string(), "--tokens", "1,2", "--max-tokens", "2"}), 1);
    CHECK_FALSE(sentence.empty());
  };
  refused("empty", "");
  refused("four bytes", "GGUF");
  refused("not a model", "This is a text and no model at all, whatever its name says.");
  for (size_t eighths = 1; eighths < 8; ++eighths) refused("truncated", bytes.substr(0, bytes.size() * eighths / 8));
  std::string changed = bytes;
  changed[4] = 99;
  refused("an unknown version", changed);
  changed = bytes;
  changed.replace(8, 8, 8, '\x7f');
  refused("too many tensors", changed);
  changed = bytes;
  changed.replace(16, 8, 8, '\x7f');
  refused("too many keys", changed);
  changed = bytes;
  replace(changed, "general.architecture", "general.ARCHITECTURE");
  refused("no architecture", changed);
  CHECK(failure(test::lorikeet({"generate", "-m", test::golden("quants/quants.gguf").string(), "--tokens", "1"}), 1) !=
        "");
  CHECK(failure(test::lorikeet({"inspect", "-m", (folder / "none.gguf").string()}), 1).find("none.gguf") !=
        std::string::npos);
  CHECK(failure(test::lorikeet({"convert", "-m", good, (folder / "no" / "such" / "folder.gguf").string()}), 1) != "");
}

TEST_CASE("bad input: prompts, tokenizers and templates") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  const auto model =
      test::write_tiny_model("lorikeet-tiny-prompts", {.layers = 1, .hidden = 32, .vocabulary = test::kTinyTokens});
  const std::string m = model.string();
  CHECK(failure(test::lorikeet({"generate", "-m", m, "text"}), 1).find("tokenizer") != std::string::npos);
  CHECK(failure(test::lorikeet({"chat", "-m", m, "--once", "Hi"}), 1).find("tokenizer") != std::string::npos);
  CHECK(failure(test::lorikeet({"generate", "-m", m, "--tokens", "1,260"}), 1).find("260") != std::string::npos);
  CHECK(failure(test::lorikeet({"generate", "-m", m, "--tokens", "1,-1"}), 1).find("-1") != std::string::npos);
  CHECK(failure(test::lorikeet({"generate", "-m", m, "--tokens", "1,2,3,4,5", "--context", "4"}), 1).find("context") !=
        std::string::npos);
  CHECK(failure(test::lorikeet({"generate", "-m", m, "--tokens", "1", "--context", "1000000"}), 1).find("2048") !=
        std::string::npos);
  CHECK(failure(test::lorikeet(
                    {"generate", "-m", m, "--tokens", "1", "--logits", (folder / "no" / "such.safetensors").string()}),
                1) != "");
  CHECK(failure(test::lorikeet({"eval", "perplexity", "-m", m, (folder / "none.txt").string()}), 1).find("none.txt") !=
        std::string::npos);

  test::write_tiny_tokenizer(model);
  CHECK(failure(test::lorikeet({"generate", "-m", m, ""}), 1) != "");
  CHECK(failure(test::lorikeet({"generate", "-m", m, std::string(5000, 'a')}), 1).find("5000") != std::string::npos);
  folder.write("wrong.jinja", "{% for m in messages %}{{ m.content }");
  CHECK(failure(test::lorikeet({"chat", "-m", m, "--once", "Hi", "--template", (folder / "wrong.jinja").string()}),
                1) != "");
  folder.write("raises.jinja", "{{ raise_exception('Only birds may talk.') }}");
  CHECK(failure(test::lorikeet({"chat", "-m", m, "--once", "Hi", "--template", (folder / "raises.jinja").string()}),
                1) == "Only birds may talk.");
  folder.write("endless.jinja", "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}");
  CHECK(failure(test::lorikeet({"chat", "-m", m, "--once", "Hi", "--template", (folder / "endless.jinja").string()}),
                1) != "");
  put(model / "tokenizer.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": 7}}");
  CHECK(failure(test::lorikeet({"generate", "-m", m, "text"}), 1).find("tokenizer.json") != std::string::npos);
}

TEST_CASE("bad input: devices that are not there, below the floor or too small") {
  NEED_DEVICE();
  const std::string m = test::write_tiny_model("lorikeet-tiny-devices").string();
  const Arguments call = {"generate", "-m", m, "--tokens", "1,2", "--max-tokens", "2"};
  const auto with = [&](const std::vector<std::string>& environment) {
    return failure(test::lorikeet(call, {}, environment), 1);
  };
  CHECK(with({"LORIKEET_DEVICE=no such device"}).find("no such device") != std::string::npos);
  CHECK(with({"LORIKEET_DEVICE=77"}).find("77") != std::string::npos);
  CHECK_FALSE(with({"LORIKEET_HIDE=max_storage_buffers=2"}).empty());
  CHECK_FALSE(with({"LORIKEET_HIDE=feathers"}).empty());
  CHECK_FALSE(with({"LORIKEET_FAULT=sometimes"}).empty());
  CHECK_FALSE(with({"VK_DRIVER_FILES=/nowhere.json", "VK_ICD_FILENAMES=/nowhere.json"}).empty());
  const auto none =
      test::lorikeet({"devices"}, {}, {"VK_DRIVER_FILES=/nowhere.json", "VK_ICD_FILENAMES=/nowhere.json"});
  CHECK(none.status == 1);
  CHECK(none.err.starts_with("lorikeet: "));
}
