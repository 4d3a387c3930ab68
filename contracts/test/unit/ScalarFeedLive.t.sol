// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ScalarFeed} from "../../src/adapters/ScalarFeed.sol";
import {IDodonaSubscriptions} from "../../src/interfaces/IDodonaSubscriptions.sol";
import {IScalarFeed} from "../../src/interfaces/IScalarFeed.sol";
import {SubscriptionsBase} from "../SubscriptionsBase.sol";

/// @notice The feed over real subscriptions: what readers see of updates as they are delivered, and what a read costs.
contract ScalarFeedLiveTest is SubscriptionsBase {
    bytes32 private _id;
    ScalarFeed private _feed;

    function setUp() public override {
        super.setUp();
        _id = _subscribe(_subscription());
        _feed = new ScalarFeed(IDodonaSubscriptions(address(subs)), _id, 2, "LTV");
    }

    function _read() private view returns (uint80 round, int256 answer, uint256 updatedAt) {
        (round, answer,, updatedAt,) = _feed.latestRoundData();
    }

    function test_showsEachUpdateWithTheTimeOfItsData() public {
        vm.expectRevert(abi.encodeWithSelector(IScalarFeed.NoData.selector, 0));
        _feed.latestRoundData();
        for (uint64 n = 1; n <= 3; ++n) {
            uint64 observedAt = uint64(block.timestamp) / PERIOD * PERIOD;
            _deliver(_updateOf(_id, n, int64(100 * n)));
            (uint80 round, int256 answer, uint256 updatedAt) = _read();
            assertEq(round, n);
            assertEq(answer, int256(uint256(100 * n)));
            assertEq(updatedAt, observedAt);
            vm.warp(block.timestamp + 2 hours);
        }
        (, int256 first,, uint256 at,) = _feed.getRoundData(1);
        assertEq(first, 100);
        assertEq(at, START / PERIOD * PERIOD);
    }

    /// @dev An answer from outside the model's domain is delivered and paid, and never shown.
    function test_unusableUpdateLeavesTheLastUsableOneWithItsOldTime() public {
        _deliver(_updateOf(_id, 1, 100));
        (,, uint256 before) = _read();
        vm.warp(block.timestamp + 2 hours);
        _deliver(_updateOf(_id, 2, 900, false, true));
        (uint80 round, int256 answer, uint256 updatedAt) = _read();
        assertEq(round, 1);
        assertEq(answer, 100);
        assertEq(updatedAt, before);
    }

    function test_gasOfARead() public {
        _deliver(_updateOf(_id, 1, 100));
        vm.cool(address(subs));
        vm.cool(address(_feed));
        _feed.latestRoundData();
        uint256 used = vm.snapshotGasLastCall("ScalarFeed", "latestRoundData");
        assertLe(used, 8_000);
    }
}
