// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

import {ScalarFeed} from "../../src/adapters/ScalarFeed.sol";
import {IDodonaSubscriptions} from "../../src/interfaces/IDodonaSubscriptions.sol";
import {IScalarFeed} from "../../src/interfaces/IScalarFeed.sol";
import {MockSubscriptions} from "../mocks/Subscriptions.sol";

contract ScalarFeedTest is Test {
    bytes32 internal constant ID = keccak256("subscription");

    MockSubscriptions internal subscriptions;
    ScalarFeed internal feed;

    function setUp() public {
        vm.warp(1_800_000_000);
        subscriptions = new MockSubscriptions();
        feed = new ScalarFeed(IDodonaSubscriptions(address(subscriptions)), ID, 4, "volatility");
    }

    function _push(int64 value, uint64 age, bool usable) internal {
        subscriptions.push(ID, value, uint64(block.timestamp) - age, usable);
    }

    function _assertLatest(uint256 round, int256 value, uint256 at) internal view {
        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = feed.latestRoundData();
        assertEq(id, round);
        assertEq(answeredIn, round);
        assertEq(answer, value);
        assertEq(startedAt, at);
        assertEq(updatedAt, at);
    }

    function test_saysWhatItIs() public view {
        assertEq(feed.decimals(), 4);
        assertEq(feed.description(), "volatility");
        assertEq(feed.version(), 1);
        (address from, bytes32 id) = feed.subscription();
        assertEq(from, address(subscriptions));
        assertEq(id, ID);
    }

    /// `updatedAt` is when the data was observed, however much later the proof came.
    function testFuzz_showsTheLatestRoundWithTheDatasTime(int64 value, uint64 age) public {
        age = uint64(bound(age, 0, 1 days));
        _push(1, 2 days, true);
        _push(value, age, true);
        _assertLatest(2, value, block.timestamp - age);
    }

    function test_hasNoDataBeforeTheFirst() public {
        vm.expectRevert(abi.encodeWithSelector(IScalarFeed.NoData.selector, 0));
        feed.latestRoundData();
        _push(5, 0, false);
        vm.expectRevert(abi.encodeWithSelector(IScalarFeed.NoData.selector, 0));
        feed.latestRoundData();
        vm.expectRevert(abi.encodeWithSelector(IScalarFeed.NoData.selector, 1));
        feed.getRoundData(1);
    }

    /// Whatever the pattern of usable and unusable rounds and of `sync`, the answer is the last usable one, as old as it is.
    function testFuzz_theLastUsableRoundStays(uint256 pattern, uint256 syncs, uint8 count) public {
        count = uint8(bound(count, 1, 24));
        (uint256 expected, uint256 at) = (0, 0);
        for (uint256 i = 1; i <= count; ++i) {
            vm.warp(block.timestamp + 60);
            bool usable = (pattern >> i) & 1 == 1;
            _push(int64(int256(i * 10)), 30, usable);
            if (usable) (expected, at) = (i, block.timestamp - 30);
            if ((syncs >> i) & 3 == 3) feed.sync();
            if (expected == 0) {
                vm.expectRevert(abi.encodeWithSelector(IScalarFeed.NoData.selector, 0));
                feed.latestRoundData();
            } else {
                _assertLatest(expected, int256(expected * 10), at);
            }
        }
    }

    function testFuzz_showsUsableRoundsByTheirNumber(uint80 round, uint256 pattern) public {
        for (uint256 i = 1; i <= 20; ++i) {
            _push(int64(int256(i)), uint64(100 - i), (pattern >> i) & 1 == 1);
        }
        round = uint80(bound(round, 0, 40));
        if (round == 0 || round > 20 || (pattern >> round) & 1 == 0) {
            vm.expectRevert(abi.encodeWithSelector(IScalarFeed.NoData.selector, round));
            feed.getRoundData(round);
            return;
        }
        (uint80 id, int256 answer,, uint256 updatedAt,) = feed.getRoundData(round);
        assertEq(id, round);
        assertEq(answer, int256(uint256(round)));
        assertEq(updatedAt, block.timestamp - 100 + round);
    }

    /// An id that only fits by being cut to 64 bits is no id.
    function testFuzz_refusesRoundsPast64Bits(uint80 round) public {
        _push(1, 0, true);
        round = uint80(bound(round, uint256(type(uint64).max) + 1, type(uint80).max));
        vm.expectRevert(abi.encodeWithSelector(IScalarFeed.NoData.selector, round));
        feed.getRoundData(round);
    }

    /// A reader looks back over 64 rounds; `sync` carries it over any number, a page at a time.
    function testFuzz_syncCarriesOverLongGaps(uint8 gap) public {
        _push(7, 0, true);
        uint256 at = block.timestamp;
        gap = uint8(bound(gap, 60, 140));
        for (uint256 i = 0; i < gap; ++i) {
            _push(9, 0, false);
        }
        if (gap > 64) {
            vm.expectRevert(abi.encodeWithSelector(IScalarFeed.SyncNeeded.selector, 0, uint64(gap) + 1));
            feed.latestRoundData();
            while (feed.sync() <= gap) {}
        }
        _assertLatest(1, 7, at);
    }

    function test_negativeValuesKeepTheirSign() public {
        _push(type(int64).min, 0, true);
        _assertLatest(1, type(int64).min, block.timestamp);
    }

    function testFuzz_refusesDecimalsPast18(uint8 decimals) public {
        decimals = uint8(bound(decimals, 19, 255));
        vm.expectRevert(abi.encodeWithSelector(IScalarFeed.DecimalsTooLarge.selector, 18, decimals));
        new ScalarFeed(IDodonaSubscriptions(address(subscriptions)), ID, decimals, "");
    }
}
