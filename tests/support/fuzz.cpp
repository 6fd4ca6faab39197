#include "tests/support/fuzz.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

namespace lorikeet::test {
namespace {

uint64_t setting(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void mutate(std::string& data, const std::vector<std::string>& seeds, std::mt19937_64& random) {
  static constexpr uint64_t kInteresting[] = {0,
                                              1,
                                              0x7f,
                                              0x80,
                                              0xff,
                                              0x7fff,
                                              0xffff,
                                              0x7fffffff,
                                              0x80000000,
                                              0xffffffff,
                                              0x7fffffffffffffff,
                                              0x8000000000000000,
                                              0xffffffffffffffff};
  const auto below = [&](size_t n) { return size_t(random() % (n ? n : 1)); };
  if (data.empty()) data.push_back(char(random()));
  const size_t at = below(data.size());
  switch (random() % 8) {
    case 0:
      data[at] = char(data[at] ^ (1 << (random() % 8)));
      break;
    case 1:
      data[at] = char(random());
      break;
    case 2: {
      const uint64_t value = kInteresting[below(std::size(kInteresting))];
      const size_t width = std::min<size_t>(size_t(1) << (random() % 4), data.size() - at);
      std::memcpy(data.data() + at, &value, width);
      break;
    }
    case 3:
      data.erase(at, 1 + below(16));
      break;
    case 4:
      data.insert(at, data.substr(below(data.size()), 1 + below(16)));
      break;
    case 5:
      data.resize(at);
      break;
    case 6: {
      const std::string& other = seeds[below(seeds.size())];
      if (!other.empty()) data.replace(at, 1 + below(32), other.substr(below(other.size()), 1 + below(32)));
      break;
    }
    default:
      data.insert(at, 1 + below(4), char(random()));
      break;
  }
}

}  // namespace

int fuzz(const char* name, const std::vector<std::string>& seeds,
         const std::function<void(std::span<const std::byte>)>& target) {
  const uint64_t runs = setting("LORIKEET_FUZZ_RUNS", 100000);
  const uint64_t seed = setting("LORIKEET_FUZZ_SEED", 1);
  std::mt19937_64 random(seed);
  for (uint64_t run = 0; run < runs; ++run) {
    std::string data = run < seeds.size() ? seeds[run] : seeds[random() % seeds.size()];
    if (run >= seeds.size())
      for (uint64_t i = 0, n = 1 + random() % 6; i < n; ++i) mutate(data, seeds, random);
    // An exact heap copy, so that a sanitizer sees one byte too far.
    const std::unique_ptr<std::byte[]> exact(new std::byte[data.size()]);
    if (!data.empty()) std::memcpy(exact.get(), data.data(), data.size());
    target({exact.get(), data.size()});
  }
  std::printf("%s: %llu mutated inputs survived, seed %llu\n", name, static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(seed));
  return 0;
}

}  // namespace lorikeet::test
