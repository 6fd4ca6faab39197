// The hash of a model's weights, and SHA-256 itself.
#include "frontend/checkpoint/checkpoint_hash.h"

#include "frontend/adapters/adapter_base.h"
#include "frontend/convert.h"
#include "runtime/base/file.h"
#include "runtime/base/sha256.h"
#include "tests/support/catch.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"

using namespace lorikeet;

TEST_CASE("SHA-256 gives the published digests, whatever the pieces") {
  const auto digest = [](std::string_view text) {
    Sha256 hash;
    hash.add(text);
    return hash.digits();
  };
  CHECK(digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  const std::string million(1000000, 'a');
  CHECK(digest(million) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  Sha256 pieces;
  for (size_t at = 0, size = 1; at < million.size(); at += size, size = size % 130 + 1)
    pieces.add(std::string_view(million).substr(at, size));
  CHECK(pieces.digits() == digest(million));
}

TEST_CASE("the hash of a model knows its numbers and not its place") {
  const test::TemporaryFolder folder;
  const auto path = test::write_tiny_model("lorikeet-tiny-hash", {.layers = 1, .vocabulary = 1200});
  const auto hash = [](const std::filesystem::path& place) {
    const auto opened = Checkpoint::open(place);
    REQUIRE(opened);
    return checkpoint_hash(*opened);
  };
  std::filesystem::copy(path, folder / "copy", std::filesystem::copy_options::recursive);
  const std::string first = hash(path);
  CHECK(first.size() == 64);
  CHECK(hash(folder / "copy") == first);
  const auto weights = folder / "copy" / "model.safetensors";
  std::string bytes = *read_text(weights);
  bytes.back() = char(bytes.back() ^ 1);  // of the last tensor
  REQUIRE(write_whole(weights, bytes));
  CHECK(hash(folder / "copy") != first);
  const auto source = Checkpoint::open(path);
  REQUIRE(convert(*source, folder / "m.gguf", {}));
  CHECK(hash(folder / "m.gguf") != first);
  const auto config = DecoderConfig::from(*source);
  REQUIRE(config);
  CHECK(adapter_base(*source, *config).sha256 == first);
}
