#include "frontend/checkpoint/safetensors.h"

#include "frontend/checkpoint/checkpoint.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "tests/support/catch.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

std::string file_of(const std::string& header, size_t data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(data, 'x');
}

std::string error_of(const std::string& bytes) {
  const auto parsed = parse_safetensors(std::as_bytes(std::span(bytes)), "test.safetensors");
  REQUIRE_FALSE(parsed.ok());
  return parsed.error().message;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string tensor(const std::string& name, const std::string& type, const std::string& shape,
                   const std::string& offsets) {
  return join("\"", name, R"(":{"dtype":")", type, R"(","shape":)", shape, R"(,"data_offsets":)", offsets, "}");
}

}  // namespace

TEST_CASE("safetensors: what is written is read back, in every type") {
  const test::TemporaryFolder folder;
  std::vector<std::byte> content(48);
  for (size_t i = 0; i < content.size(); ++i) content[i] = std::byte(i * 7);
  std::vector<NamedBytes> tensors;
  for (DType type : {DType::f32, DType::f16, DType::bf16, DType::f64, DType::i64, DType::i32, DType::i16, DType::i8,
                     DType::u8, DType::u32, DType::boolean}) {
    const uint64_t columns = 24 / layout(type).bytes;
    tensors.push_back({"t_" + std::string(name(type)), type, {2, columns}, Bytes(content)});
  }
  tensors.push_back({"scalar", DType::f32, {}, Bytes(content).first(4)});
  tensors.push_back({"empty", DType::f32, {0, 3}, {}});
  tensors.push_back({"n\xc3\xa4me \"quoted\"", DType::i8, {5}, Bytes(content).first(5)});
  REQUIRE(write_safetensors(folder / "a.safetensors", tensors, {{"format", "pt"}}).ok());
  const auto files = open_tensors(folder / "a.safetensors");
  REQUIRE(files.ok());
  CHECK(files->tensors().size() == tensors.size());
  for (const NamedBytes& wanted : tensors) {
    INFO(wanted.name);
    const TensorInfo* given = files->find(wanted.name);
    REQUIRE(given);
    CHECK(given->type == wanted.type);
    CHECK(given->shape == wanted.shape);
    const Bytes bytes = files->data(*given).value();
    CHECK(std::equal(bytes.begin(), bytes.end(), wanted.bytes.begin(), wanted.bytes.end()));
  }
}

TEST_CASE("safetensors: a refused write leaves nothing behind") {
  const test::TemporaryFolder folder;
  const std::vector<std::byte> content(64);
  CHECK_FALSE(write_safetensors(folder / "a", {{"q", DType::q4_0, {32}, Bytes(content).first(18)}}).ok());
  CHECK_FALSE(write_safetensors(folder / "a", {{"short", DType::f32, {5}, Bytes(content).first(18)}}).ok());
  CHECK_FALSE(write_safetensors(folder / "a", {{"t", DType::i8, {1}, Bytes(content).first(1)},
                                               {"t", DType::i8, {1}, Bytes(content).first(1)}})
                  .ok());
  CHECK_FALSE(write_safetensors(folder / "missing/a", {}).ok());
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("safetensors: bad files give one sentence") {
  CHECK(contains(error_of("short"), "too short"));
  CHECK(contains(error_of(file_of("{}", 0).replace(0, 8, 8, '\x7f')), "truncated"));
  CHECK(contains(error_of(file_of("[1,2]", 0)), "must hold a JSON object"));
  CHECK(contains(error_of(file_of("{\"a\":", 0)), "not valid JSON"));
  CHECK(contains(error_of(file_of(
                     join("{", tensor("a", "F32", "[2]", "[0,8]"), ",", tensor("a", "F32", "[2]", "[8,16]"), "}"), 16)),
                 "twice"));
  CHECK(contains(error_of(file_of(
                     join("{", tensor("a", "F32", "[2]", "[0,8]"), ",", tensor("b", "F32", "[2]", "[4,12]"), "}"), 12)),
                 "overlap"));
  CHECK(contains(error_of(file_of(join("{", tensor("a", "F32", "[2]", "[0,8]"), "}"), 7)), "truncated"));
  CHECK(contains(error_of(file_of(join("{", tensor("a", "F32", "[2]", "[8,0]"), "}"), 8)), "truncated"));
  CHECK(contains(error_of(file_of(join("{", tensor("a", "F32", "[3]", "[0,8]"), "}"), 8)), "does not fill"));
  CHECK(contains(error_of(file_of(join("{", tensor("a", "F32", "[4294967296,4294967296]", "[0,0]"), "}"), 8)),
                 "does not fill"));
  CHECK(contains(error_of(file_of(join("{", tensor("a", "F32", "[-2]", "[0,8]"), "}"), 8)), "must have a dtype"));
  CHECK(contains(error_of(file_of(join("{", tensor("a", "F8_E4M3", "[8]", "[0,8]"), "}"), 8)),
                 "F8_E4M3, which is not supported"));
  CHECK(contains(error_of(file_of(join("{", tensor("a", "F32", "1e3", "[0,8]"), "}"), 8)), "must have a dtype"));
  CHECK(contains(error_of(file_of(join("{\"a\":", std::string(100, '['), std::string(100, ']'), "}"), 8)), "deep"));
}
