#ifndef LORIKEET_CATCH2_V3
#define CATCH_CONFIG_RUNNER
#endif
#include "tests/support/catch.h"
#include "tests/support/skip.h"

int main(int argc, char** argv) {
  const int status = Catch::Session().run(argc, argv);
  return lorikeet::test::report_skips() ? status : 1;
}
