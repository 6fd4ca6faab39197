// Token files and plain texts as training data.
#include "frontend/dataset/token_files.h"

#include <fstream>

#include "frontend/dataset/dataset.h"
#include "tests/support/golden.h"
#include "tests/support/golden_tokenizers.h"
#include "tests/support/recorded.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

namespace lorikeet::test {
namespace {

template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string packed(uint64_t version, uint8_t type, uint64_t count, const std::vector<uint16_t>& ids) {
  std::string bytes = "LITPKDS";
  append(bytes, version);
  append(bytes, type);
  append(bytes, count);
  for (const uint16_t id : ids) append(bytes, id);
  return bytes;
}

Result<Dataset> read(const std::filesystem::path& file, const std::string& bytes, int64_t most = 4) {
  std::ofstream(file, std::ios::binary) << bytes;
  return Dataset::read(file, dynmole_tokenizer(), {.max_tokens = most});
}

std::string failure(const std::filesystem::path& file, const std::string& bytes) {
  const auto dataset = read(file, bytes);
  REQUIRE(!dataset);
  return dataset.error().message;
}

}  // namespace

TEST_CASE("token files: packed tokens become examples of equal length") {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "a.bin";
  const Dataset data = need(read(file, packed(1, 8, 7, {5, 6, 7, 8, 9, 10, 11})));
  REQUIRE(data.size() == 2);
  CHECK(data[0].tokens == std::vector<int32_t>{5, 6, 7, 8});
  CHECK(data[1].labels == std::vector<int32_t>{9, 10, 11});
  const std::string name = file.string();
  CHECK(failure(file, packed(2, 8, 1, {5})) ==
        "[dataset] " + name + ": packed tokens of version 2; version 1 was expected.");
  CHECK(failure(file, packed(1, 6, 1, {5})) ==
        "[dataset] " + name + ": packed tokens of type 6; whole numbers, types 1 to 5 or 8, were expected.");
  CHECK(failure(file, packed(1, 8, 3, {5})) == "[dataset] " + name + ": the header promises 3 tokens, there are 1.");
  CHECK(failure(file, "LITPKDS\x01") == "[dataset] " + name + ": the file ends within its header.");
  CHECK(failure(file, packed(1, 8, 2, {5, 60000})).find("expected token ids below") != std::string::npos);
  CHECK(failure(file, packed(1, 8, UINT64_MAX, {5})).find("promises") != std::string::npos);
}

TEST_CASE("token files: a text is cut into examples") {
  const TemporaryFolder folder;
  const std::string text = "Birds sing in the morning.\nThey sleep at night.\n";
  const Dataset data = need(read(folder.path() / "a.txt", text, 6));
  std::vector<int32_t> all;
  for (size_t i = 0; i < data.size(); ++i) all.insert(all.end(), data[i].tokens.begin(), data[i].tokens.end());
  CHECK(data[0].tokens.size() == 6);
  CHECK(dynmole_tokenizer().decode(all) == text);
  CHECK(failure(folder.path() / "a.txt", "").find("expected at least one record") != std::string::npos);
}

TEST_CASE("token files: the same sequences as tensors and as packed tokens") {
  const auto golden = shared_golden("factorllm");
  if (!golden) LK_SKIP(no_shared_goldens, "token files");
  std::vector<Dataset> all;
  for (const char* file : {"batches.pt", "batches.safetensors", "batches.bin"})
    all.push_back(need(Dataset::read(*golden / "training" / file, dynmole_tokenizer(),
                                     {.encoding = {.vocabulary = 1 << 20}, .max_tokens = 1 << 19})));
  REQUIRE(all[0].size() == 10);
  std::vector<int32_t> stream;
  for (size_t i = 0; i < 10; ++i) {
    CHECK(all[0][i].tokens == all[1][i].tokens);
    stream.insert(stream.end(), all[0][i].tokens.begin(), all[0][i].tokens.end());
  }
  REQUIRE(all[2].size() == 1);
  CHECK(all[2][0].tokens == stream);
}

}  // namespace lorikeet::test
