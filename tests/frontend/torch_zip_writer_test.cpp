#include "frontend/checkpoint/torch_zip_writer.h"

#include <cstring>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/checkpoint/torch_zip.h"
#include "frontend/checkpoint/zip.h"
#include "frontend/checkpoint/zip_writer.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("zip writer: entries are read again, aligned, and the checksum is ZIP's") {
  CHECK(crc32(bytes_of("123456789")) == 0xcbf43926);
  CHECK(crc32({}) == 0);
  const test::TemporaryFolder folder;
  auto writer = ZipWriter::create(folder / "a.zip");
  REQUIRE(writer.ok());
  REQUIRE(writer->add("one", bytes_of("first"), 64).ok());
  REQUIRE(writer->add("folder/two", bytes_of(""), 64).ok());
  REQUIRE(writer->add("three", bytes_of("third")).ok());
  CHECK_FALSE(writer->add(std::string(70000, 'n'), {}).ok());
  CHECK_FALSE(std::filesystem::exists(folder / "a.zip"));
  REQUIRE(writer->finish().ok());
  const std::string whole = read_text(folder / "a.zip").value();
  const auto entries = parse_zip(bytes_of(whole), "a.zip").value();
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].name == "one");
  CHECK(as_text(entries[0].bytes) == "first");
  CHECK((as_text(entries[0].bytes).data() - as_text(bytes_of(whole)).data()) % 64 == 0);
  CHECK(entries[1].name == "folder/two");
  CHECK(entries[1].bytes.empty());
  CHECK(as_text(entries[2].bytes) == "third");
}

TEST_CASE("zip writer: more entries than 16 bits count are written as ZIP64") {
  const test::TemporaryFolder folder;
  auto writer = ZipWriter::create(folder / "a.zip");
  REQUIRE(writer.ok());
  for (int i = 0; i < 66000; ++i) REQUIRE(writer->add(std::to_string(i), {}).ok());
  REQUIRE(writer->finish().ok());
  const std::string whole = read_text(folder / "a.zip").value();
  const auto entries = parse_zip(bytes_of(whole), "a.zip").value();
  REQUIRE(entries.size() == 66000);
  CHECK(entries.back().name == "65999");
}

TEST_CASE("torch writer: tensors of every type and shape are read again") {
  const test::TemporaryFolder folder;
  std::vector<float> matrix(300 * 400);
  for (size_t i = 0; i < matrix.size(); ++i) matrix[i] = float(i);
  const std::vector<uint16_t> halves = {1, 2, 3};
  const int64_t scalar = -5;
  const std::vector<NamedBytes> tensors = {
      {"matrix", DType::f32, {300, 400}, std::as_bytes(std::span(matrix))},
      {"halves", DType::f16, {3}, std::as_bytes(std::span(halves))},
      {"bf", DType::bf16, {1, 3, 1}, std::as_bytes(std::span(halves))},
      {"scalar", DType::i64, {}, std::as_bytes(std::span(&scalar, 1))},
      {"empty", DType::f32, {0, 5}, {}},
  };
  REQUIRE(write_torch_zip(folder / "model.bin", tensors).ok());
  const TensorFiles files = open_tensors(folder / "model.bin").value();
  REQUIRE(files.tensors().size() == tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo& read = files.tensors()[i];
    INFO(read.name);
    CHECK(read.name == tensors[i].name);
    CHECK(read.type == tensors[i].type);
    CHECK(read.shape == tensors[i].shape);
    CHECK(read.strides.empty());
    CHECK(read.offset % 64 == 0);
    const Bytes bytes = files.data(read).value();
    CHECK(std::equal(bytes.begin(), bytes.end(), tensors[i].bytes.begin(), tensors[i].bytes.end()));
  }
  const std::string whole = read_text(folder / "model.bin").value();
  const auto entries = parse_zip(bytes_of(whole), "model.bin").value();
  CHECK(entries[0].name == "model/data.pkl");
  CHECK(entries.back().name == "model/version");
  CHECK(as_text(entries.back().bytes) == "3\n");
}

TEST_CASE("torch writer: what cannot be written leaves no file") {
  const test::TemporaryFolder folder;
  const float value = 1;
  const Bytes bytes = std::as_bytes(std::span(&value, 1));
  const auto error = [&](const std::vector<NamedBytes>& tensors) {
    const Status status = write_torch_zip(folder / "model.bin", tensors);
    REQUIRE_FALSE(status.ok());
    return status.error().message;
  };
  CHECK(error({{"x", DType::u32, {1}, bytes}}) == "[torch] tensor x has the type u32, which torch has no storage for.");
  CHECK(error({{"x", DType::f32, {2}, bytes}}) == "[torch] tensor x with the shape (2) of f32 was given 4 bytes.");
  CHECK(error({{"x", DType::f32, {1}, bytes}, {"x", DType::f32, {1}, bytes}}) == "[torch] tensor x was given twice.");
  CHECK(std::filesystem::is_empty(folder.path()));
  CHECK_FALSE(write_torch_zip(folder / "no" / "model.bin", {{"x", DType::f32, {1}, bytes}}).ok());
}

TEST_CASE("torch writer: views of a tensor share its storage") {
  const test::TemporaryFolder folder;
  const std::vector<float> values = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<TorchTensor> tensors = {{"whole", DType::f32, {2, 4}}};
  const auto bytes = [&](size_t) -> Result<std::vector<std::byte>> {
    const auto raw = std::as_bytes(std::span(values));
    return std::vector<std::byte>(raw.begin(), raw.end());
  };
  const std::vector<TorchView> views = {{"row", 0, 4, {1, 4}, {4, 1}}, {"columns", 0, 2, {2, 2}, {4, 1}}};
  REQUIRE(write_torch_zip(folder / "model.bin", tensors, views, bytes).ok());
  const TensorFiles files = open_tensors(folder / "model.bin").value();
  const auto read = [&](size_t number) {
    const Bytes found = files.data(files.tensors()[number]).value();
    std::vector<float> floats(found.size() / 4);
    std::memcpy(floats.data(), found.data(), found.size());
    return floats;
  };
  REQUIRE(files.tensors().size() == 3);
  CHECK(read(1) == std::vector<float>{4, 5, 6, 7});
  CHECK(read(2) == std::vector<float>{2, 3, 6, 7});

  CHECK_FALSE(write_torch_zip(folder / "bad.bin", tensors, {{"beyond", 0, 5, {1, 4}, {4, 1}}}, bytes).ok());
  CHECK_FALSE(write_torch_zip(folder / "bad.bin", tensors, {{"whole", 0, 0, {1}, {1}}}, bytes).ok());
  CHECK_FALSE(std::filesystem::exists(folder / "bad.bin"));
}
