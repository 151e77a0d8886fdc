#include "runtime/config/mix.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace gatio::config {
namespace {

std::string error_of(std::string_view text) {
  auto mix = parse_mix(text);
  return mix ? "no error" : mix.error().text;
}

TEST(Mix, ReadsPartsInTheOrderOfTheirCores) {
  auto mix = parse_mix("1io+*exec");
  ASSERT_TRUE(mix) << mix.error().text;
  std::vector<MixPart> parts{{1, Kind::io}, {MixPart::kAllLeft, Kind::exec}};
  EXPECT_EQ(*mix, (Mix{{{.node = {}, .parts = parts}}}));
}

TEST(Mix, ReadsOneMixForEachNode) {
  auto mix = parse_mix("0:1io+3exec,1:4both");
  ASSERT_TRUE(mix) << mix.error().text;
  ASSERT_EQ(mix->nodes.size(), 2u);
  EXPECT_EQ(mix->nodes[0].node, 0u);
  EXPECT_EQ(mix->nodes[1].node, 1u);
  EXPECT_EQ(mix->nodes[1].parts, (std::vector<MixPart>{{4, Kind::both}}));
}

TEST(Mix, ErrorsSayWhatIsWrongAndWhere) {
  EXPECT_EQ(error_of(""),
            "mix '' has the end where a number of cores or '*' is expected (column 1)");
  EXPECT_EQ(error_of("1io+"),
            "mix '1io+' has the end where a number of cores or '*' is expected (column 5)");
  EXPECT_EQ(error_of("1oi"),
            "mix '1oi' has 'oi' where io, exec, both or pair is expected (column 2)");
  EXPECT_EQ(error_of("2"),
            "mix '2' has the end where io, exec, both or pair is expected (column 2)");
  EXPECT_EQ(error_of("0io"), "mix '0io' needs a number of cores or '*' from 1 to 1024 (column 1)");
  EXPECT_EQ(error_of("1025io"),
            "mix '1025io' needs a number of cores or '*' from 1 to 1024 (column 1)");
  EXPECT_EQ(error_of("1io 2exec"),
            "mix '1io 2exec' has ' 2exec' where '+', ',' or the end is expected (column 4)");
  EXPECT_EQ(error_of("x:1io"),
            "mix 'x:1io' has 'x:1io' where a node's number before ':' is expected (column 1)");
}

TEST(Mix, ASecondStarIsRefused) {
  EXPECT_EQ(
      error_of("*io+*exec"),
      "mix '*io+*exec' has a second '*', but only one part can take all cores left (column 5)");
}

TEST(Mix, ANodeIsNamedOnceAndByAll) {
  EXPECT_EQ(error_of("0:1io,0:1both"), "mix '0:1io,0:1both' names node 0 twice");
  EXPECT_EQ(error_of("1io,1:1both"),
            "mix '1io,1:1both' names several nodes, so each part needs its node, as in "
            "0:1io+3exec,1:4both");
}

TEST(Mix, TheSumOfAllPartsIsLimited) {
  EXPECT_EQ(error_of("1024io+1exec"),
            "mix '1024io+1exec' asks for more than 1024 drivers on a node (column 8)");
  EXPECT_EQ(error_of("513pair"),
            "mix '513pair' asks for more than 1024 drivers on a node (column 1)");
  EXPECT_EQ(error_of("512pair"), "no error");
}

TEST(Mix, PrintingAndParsingGiveTheSameMix) {
  unsigned per_node = 0, starred = 0;
  auto arbitrary = [&] {
    Mix mix;
    unsigned nodes = *rc::gen::inRange(1u, 5u);
    bool numbered = nodes > 1 || *rc::gen::arbitrary<bool>();
    for (unsigned node = 0; node < nodes; ++node) {
      NodeMix& each = mix.nodes.emplace_back();
      if (numbered) each.node = node * 7;
      unsigned parts = *rc::gen::inRange(1u, 5u);
      unsigned star = *rc::gen::inRange(0u, 8u);
      for (unsigned part = 0; part < parts; ++part) {
        unsigned cores = part == star ? MixPart::kAllLeft : *rc::gen::inRange(1u, 100u);
        each.parts.push_back(
            {cores, *rc::gen::element(Kind::io, Kind::exec, Kind::both, Kind::pair)});
      }
      starred += star < parts;
    }
    per_node += numbered;
    return mix;
  };
  EXPECT_TRUE(rc::check("parse(print(mix)) == mix", [&] {
    Mix mix = arbitrary();
    auto parsed = parse_mix(print(mix));
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(*parsed == mix);
  }));
  EXPECT_GT(per_node, 10u);
  EXPECT_GT(starred, 10u);
}

TEST(Mix, AnyTextIsAMixOrAnErrorThatNamesIt) {
  unsigned good = 0, bad = 0;
  EXPECT_TRUE(rc::check("total", [&] {
    auto piece = rc::gen::element<std::string>("1", "2", "*", "io", "exec", "both", "pair", "+",
                                               ":", ",", " ", "99999999999");
    std::string text;
    for (const std::string& each : *rc::gen::container<std::vector<std::string>>(piece))
      text += each;
    auto mix = parse_mix(text);
    ++(mix ? good : bad);
    if (mix) {
      RC_ASSERT(print(*mix) == text);
    } else {
      RC_ASSERT(mix.error().text.starts_with("mix '" + text + "'"));
    }
  }));
  for (const char* text : {"1io", "*both"}) good += parse_mix(text).has_value();
  EXPECT_GT(good, 0u);
  EXPECT_GT(bad, 10u);
}

}  // namespace
}  // namespace gatio::config
