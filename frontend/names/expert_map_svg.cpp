#include <cstdio>

#include "frontend/names/report.h"

namespace lorikeet::names {
namespace {

constexpr int kCell = 44, kLeft = 52, kTop = 46;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

}  // namespace

std::string expert_map_svg(const Summary& summary, const NameSet& names) {
  const auto means = summary.experts.means();
  const int experts = means.empty() ? 0 : int(means.front().size());
  const int width = kLeft + experts * kCell + 12, height = kTop + int(means.size()) * kCell + 40;
  std::string svg = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
      "font-size=\"13\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
      "<text x=\"%d\" y=\"18\" fill=\"#333\">share of each visual expert, by language</text>\n",
      width, height, kLeft);
  for (int e = 0; e < experts; ++e)
    svg += format("<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" fill=\"#333\">%d</text>\n",
                  kLeft + e * kCell + kCell / 2, kTop - 8, e);
  for (int l = 0; l < int(means.size()); ++l) {
    const int y = kTop + l * kCell;
    svg += format("<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#333\">%s</text>\n", kLeft - 10,
                  y + kCell / 2 + 5, names.languages[size_t(l)].code.c_str());
    for (int e = 0; e < experts; ++e) {
      const double share = means[size_t(l)][size_t(e)];
      svg += format(
          "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#1b6ca8\" fill-opacity=\"%.3f\" stroke=\"white\"/>"
          "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" fill=\"%s\">%.0f</text>\n",
          kLeft + e * kCell, y, kCell, kCell, share, kLeft + e * kCell + kCell / 2, y + kCell / 2 + 5,
          share > 0.5 ? "white" : "#333", 100 * share);
    }
  }
  return svg +
         format("<text x=\"%d\" y=\"%d\" fill=\"#333\">percent; language and expert share %.2f bits</text>\n</svg>\n",
                kLeft, height - 14, summary.experts.information());
}

}  // namespace lorikeet::names
