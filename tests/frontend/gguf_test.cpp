#include "frontend/checkpoint/gguf.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

using namespace lorikeet;

namespace {

struct Golden {
  std::string bytes, json;
  GgufFile file;
};

std::string read(std::string_view name) { return read_text(test::golden(name)).value(); }

GgufFile parse(const std::string& bytes) {
  auto parsed = parse_gguf(std::as_bytes(std::span(bytes)), "test.gguf");
  REQUIRE(parsed.ok());
  return std::move(parsed).value();
}

std::string error_of(const std::string& bytes) {
  const auto parsed = parse_gguf(std::as_bytes(std::span(bytes)), "test.gguf");
  REQUIRE_FALSE(parsed.ok());
  return parsed.error().message;
}

template <class T>
std::string patched(std::string bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(T));
  return bytes;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("gguf: every metadata type has the golden's value") {
  const std::string bytes = read("quants/metadata.gguf");
  const GgufFile file = parse(bytes);
  const auto golden = nlohmann::json::parse(read("quants/metadata.json"));
  CHECK(file.alignment == golden["alignment"].get<uint64_t>());
  size_t checked = 0;
  for (const auto& [key, entry] : golden["kv"].items()) {
    const auto& value = entry["value"];
    INFO(key);
    const GgufValue* given = file.metadata.find(key);
    REQUIRE(given);
    ++checked;
    if (value.is_number_unsigned()) CHECK(file.metadata.natural(key).value() == value.get<uint64_t>());
    else if (value.is_number_integer()) CHECK(file.metadata.integer(key).value() == value.get<int64_t>());
    else if (value.is_number_float()) CHECK(file.metadata.number(key).value() == value.get<double>());
    else if (value.is_boolean()) CHECK(file.metadata.flag(key).value() == value.get<bool>());
    else if (value.is_string()) CHECK(file.metadata.text(key).value() == value.get<std::string>());
    else if (value[0].is_string()) {
      const auto texts = file.metadata.texts(key).value();
      CHECK(std::vector<std::string>(texts.begin(), texts.end()) == value.get<std::vector<std::string>>());
    } else if (value[0].is_boolean()) CHECK(file.metadata.flags(key).value() == value.get<std::vector<bool>>());
    else if (value[0].is_number_integer())
      CHECK(file.metadata.integers(key).value() == value.get<std::vector<int64_t>>());
    else CHECK(file.metadata.numbers(key).value() == value.get<std::vector<double>>());
  }
  CHECK(checked == 18);
  for (const TensorInfo& tensor : file.tensors) {
    const auto values = golden["tensors"][tensor.name].get<std::vector<float>>();
    CHECK(tensor.offset % 64 == 0);
    REQUIRE(tensor.bytes == values.size() * 4);
    CHECK(std::memcmp(bytes.data() + tensor.offset, values.data(), tensor.bytes) == 0);
  }
}

TEST_CASE("gguf: shapes are in numpy order") {
  const GgufFile file = parse(read("quants/quants.gguf"));
  const auto shape = [&](std::string_view name) {
    for (const TensorInfo& tensor : file.tensors)
      if (tensor.name == name) return tensor.shape;
    return std::vector<uint64_t>{};
  };
  CHECK(shape("q4_k") == std::vector<uint64_t>{2, 512});
  CHECK(shape("q4_k_3d") == std::vector<uint64_t>{3, 2, 512});
  CHECK(shape("f32_1d").size() == 1);
}

TEST_CASE("gguf: look-ups that fail say what was expected") {
  const std::string bytes = read("quants/metadata.gguf");
  const GgufFile file = parse(bytes);
  CHECK(file.metadata.natural("llama.block_count").error().message ==
        "[gguf] test.gguf: key llama.block_count is missing.");
  CHECK(file.metadata.natural("t.str").error().message ==
        "[gguf] test.gguf: key t.str must be an integer, it is text.");
  CHECK(file.metadata.natural("t.i8").error().message ==
        "[gguf] test.gguf: key t.i8 must not be negative, it is -100.");
  CHECK(file.metadata.texts("t.arr_i32").error().message ==
        "[gguf] test.gguf: key t.arr_i32 must be an array of texts, it is an array of i32.");
  CHECK_FALSE(file.metadata.integer("t.u64").ok());  // it does not fit
  CHECK(file.metadata.natural_or("missing", 7).value() == 7);
  CHECK_FALSE(file.metadata.natural_or("t.str", 7).ok());
}

TEST_CASE("gguf: bad files give one sentence") {
  const std::string good = read("quants/metadata.gguf");
  CHECK(contains(error_of(""), "not a GGUF file"));
  CHECK(contains(error_of(patched<uint32_t>(good, 4, 0x03000000)), "big-endian"));
  CHECK(contains(error_of(patched<uint32_t>(good, 4, 1)), "the version is 1"));
  CHECK(contains(error_of(patched<uint64_t>(good, 8, ~0ull)), "promises"));
  CHECK(contains(error_of(patched<uint64_t>(good, 16, 1ull << 40)), "promises"));
  CHECK(contains(error_of(patched<uint64_t>(good, 0x18, ~0ull)), "length"));
  const size_t alignment = good.find("general.alignment") + 17 + 4;
  CHECK(contains(error_of(patched<uint32_t>(good, alignment, 0)), "power of two"));
  CHECK(contains(error_of(patched<uint32_t>(good, alignment, 48)), "power of two"));
  const size_t odd = good.find("a.odd") + 5;
  CHECK(contains(error_of(patched<uint32_t>(good, odd, 5)), "has 5 dimensions"));
  CHECK(contains(error_of(patched<uint64_t>(good, odd + 4, 0)), "dimension of 0"));
  CHECK(contains(error_of(patched<uint64_t>(good, odd + 4, 1ull << 62)), "too large"));
  CHECK(contains(error_of(patched<uint32_t>(good, odd + 12, 2)), "blocks of 32"));
  CHECK(contains(error_of(patched<uint32_t>(good, odd + 12, 16)), "iq2_xxs"));
  CHECK(contains(error_of(patched<uint32_t>(good, odd + 12, 77)), "unknown type 77"));
  CHECK(contains(error_of(patched<uint64_t>(good, odd + 16, 4)), "no multiple"));
  CHECK(contains(error_of(patched<uint64_t>(good, odd + 16, 1ull << 40)), "truncated"));
  std::string twice = good;
  twice.replace(twice.find("t.i8"), 4, "t.u8");
  CHECK(contains(error_of(twice), "occurs twice"));
  for (size_t size = 0; size < good.size() - 36; ++size)
    CHECK_FALSE(parse_gguf(std::as_bytes(std::span(good.data(), size)), "cut").ok());
}
