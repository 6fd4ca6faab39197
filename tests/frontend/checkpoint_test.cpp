#include "frontend/checkpoint/checkpoint.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "frontend/config.h"
#include "frontend/families/resolve.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"

using namespace lorikeet;

TEST_CASE("checkpoint: a torch directory loads, q and k in order") {
  const auto directory = test::shared_golden("factorllm/dense");
  if (!directory) LK_SKIP(no_shared_goldens, "factorllm/dense");
  const auto checkpoint = Checkpoint::open(*directory);
  REQUIRE(checkpoint.ok());
  CHECK(checkpoint->kind() == Checkpoint::Kind::huggingface);
  const auto config = DecoderConfig::from(*checkpoint);
  REQUIRE(config.ok());
  CHECK(config->layers == 3);
  CHECK(config->head_dim == 16);
  CHECK(config->intermediate == 176);
  CHECK(check_weights(*checkpoint, *config).ok());
  CHECK_FALSE(resolve(*checkpoint, *config, 0, WeightRole::q)->permuted());
}
