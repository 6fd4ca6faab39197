// A model that is part of the program: this one was built with tests/golden/quants/quants.gguf in it.
#include "frontend/checkpoint/embedded_model.h"

#include <algorithm>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/default_model.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

using namespace lorikeet;

TEST_CASE("an embedded model is the default one, and reads as its file does") {
  const auto path = default_model();
  REQUIRE(path.ok());
  CHECK(*path == kEmbeddedModel);
  const auto embedded = Checkpoint::open(*path), file = Checkpoint::open(test::golden("quants/quants.gguf"));
  REQUIRE(embedded.ok());
  REQUIRE(file.ok());
  CHECK(embedded->file_bytes() == file->file_bytes());
  REQUIRE(embedded->tensors().size() == file->tensors().size());
  CHECK_FALSE(file->tensors().empty());
  for (const TensorInfo& tensor : file->tensors()) {
    INFO(tensor.name);
    const TensorInfo* own = embedded->find(tensor.name);
    REQUIRE(own);
    const Bytes a = embedded->data(*own).value(), b = file->data(tensor).value();
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    embedded->release(*own);
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));  // it stays where it is
  }
}
