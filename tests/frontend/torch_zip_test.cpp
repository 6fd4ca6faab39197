#include "frontend/checkpoint/torch_zip.h"

#include <cstring>

#include "frontend/checkpoint/checkpoint.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

template <class T>
std::vector<T> values(const TensorFiles& files, std::string_view name) {
  const TensorInfo* tensor = files.find(name);
  REQUIRE(tensor);
  const Bytes bytes = files.data(*tensor).value();
  std::vector<T> out(bytes.size() / sizeof(T));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

std::string golden_text(std::string_view name) { return read_text(test::golden(name)).value(); }

std::string error_of(const std::string& bytes) {
  const auto parsed = parse_torch_zip(std::as_bytes(std::span(bytes)), "test.bin");
  REQUIRE_FALSE(parsed.ok());
  return parsed.error().message;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("torch: views are read as dense tensors, by protocols 2 and 4") {
  for (const char* name : {"torch/tiny.bin", "torch/protocol4.bin"}) {
    INFO(name);
    const auto files = open_tensors(test::golden(name));
    REQUIRE(files.ok());
    CHECK(files->tensors().size() == 9);
    CHECK(values<float>(*files, "whole").at(23) == 23);
    CHECK(values<float>(*files, "rows") == std::vector<float>{6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
    CHECK(values<float>(*files, "columns") == std::vector<float>{2, 3, 4, 8, 9, 10, 14, 15, 16, 20, 21, 22});
    CHECK(values<float>(*files, "transposed") ==
          std::vector<float>{0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23});
    CHECK(values<float>(*files, "cube") ==
          std::vector<float>{0, 6, 12, 18, 2, 8, 14, 20, 4, 10, 16, 22, 1, 7, 13, 19, 3, 9, 15, 21, 5, 11, 17, 23});
    CHECK(values<int64_t>(*files, "scalar") == std::vector<int64_t>{int64_t(1) << 40});
    CHECK(values<int64_t>(*files, "old") == std::vector<int64_t>{-1, int64_t(1) << 40, 7});
    CHECK(files->find("parameter")->type == DType::bf16);
    CHECK(files->find("empty")->shape == std::vector<uint64_t>{0, 5});
    const TensorInfo& transposed = *files->find("transposed");
    CHECK(files->find("rows")->strides.empty());  // used where it lies
    CHECK_FALSE(transposed.strides.empty());
    files->release(transposed);
    CHECK(values<float>(*files, "transposed").at(1) == 6);
  }
}

TEST_CASE("torch: files that torch wrote, with and without shared storages, are equal") {
  const auto whole = test::shared_golden("factorllm/factored/contiguous"),
             views = test::shared_golden("factorllm/factored/contiguous_views");
  if (!whole || !views) LK_SKIP(no_shared_goldens, "factorllm/factored");
  const auto a = Checkpoint::open(*whole), b = Checkpoint::open(*views);
  REQUIRE(a.ok());
  REQUIRE(b.ok());
  CHECK(b->file_bytes() < a->file_bytes());
  size_t compared = 0;
  for (const TensorInfo& tensor : a->tensors()) {
    const TensorInfo* other = b->find(tensor.name);
    if (!other) continue;
    INFO(tensor.name);
    const Bytes x = a->data(tensor).value(), y = b->data(*other).value();
    CHECK(std::equal(x.begin(), x.end(), y.begin(), y.end()));
    ++compared;
  }
  CHECK(compared > 20);
}

TEST_CASE("torch: nothing but tensors is built") {
  CHECK(contains(error_of(golden_text("torch/unsafe.bin")), "asks for __builtin__.print"));
}

TEST_CASE("torch: bad files give one sentence") {
  const std::string good = golden_text("torch/tiny.bin");
  CHECK(contains(error_of("PK\x03\x04"), "too short"));
  CHECK(contains(error_of(good.substr(0, good.size() - 30)), "directory"));
  std::string renamed = good;
  for (size_t at; (at = renamed.find("data.pkl")) != std::string::npos;) renamed.replace(at, 8, "data.xyz");
  CHECK(contains(error_of(renamed), "no data.pkl"));
  CHECK(contains(error_of(replaced(good, "little", "bigger")), "big-endian"));
  std::string compressed = good;
  compressed[compressed.find("PK\x01\x02") + 10] = 8;
  CHECK(contains(error_of(compressed), "compressed"));
  CHECK(contains(error_of(replaced(good, "torch\nLongStorage", "torch\nLoudStorage")), "asks for torch.LoudStorage"));
  const test::TemporaryFolder folder;
  folder.write("old.bin", std::string("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.", 16));
  CHECK(contains(open_tensors(folder / "old.bin").error().message, "before version 1.6"));
}

TEST_CASE("torch: a view that leaves its storage is refused") {
  // In the pickle the first tensor is "whole": offset 0, shape (4, 6) as two one-byte numbers.
  const std::string good = golden_text("torch/tiny.bin");
  const std::string shape = std::string("K\x04K\x06\x86", 5);
  CHECK(contains(error_of(replaced(good, shape, std::string("K\x05K\x06\x86", 5))), "reaches beyond its storage"));
  CHECK(contains(error_of(replaced(good, shape, std::string("K\xffK\x06\x86", 5))), "reaches beyond its storage"));
}
