// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "../src/interfaces/IFeedRegistry.sol";
import {IPublisherBonds} from "../src/interfaces/IPublisherBonds.sol";
import {Base} from "./Base.sol";

/// @notice A feed that wants ten ether of each publisher; publisher 1 has exactly that, publisher 2 nothing.
abstract contract BondBase is Base {
    uint96 internal constant MIN_BOND = 10 ether;
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    address internal reporter = makeAddr("reporter");
    bytes32 internal bondedFeed;

    function setUp() public virtual override {
        super.setUp();
        vm.prank(feedOwner);
        bondedFeed = feeds.createFeed("bonded", 16, PERIOD, MIN_BOND, _pair(), 0);
        _bond(publisher1, MIN_BOND);
    }

    function _pair() internal view returns (address[] memory set) {
        set = new address[](2);
        (set[0], set[1]) = (publisher1, publisher2);
    }

    function _bond(address publisher, uint256 amount) internal {
        vm.deal(user, user.balance + amount);
        vm.prank(user);
        feeds.bond{value: amount}(bondedFeed, publisher);
    }

    function _unbond(address publisher, uint256 amount) internal {
        vm.prank(publisher);
        feeds.requestUnbond(bondedFeed, amount);
    }

    function _bonded(address publisher) internal view returns (IPublisherBonds.Bond memory) {
        return feeds.bondOf(bondedFeed, publisher);
    }

    function _headerOf(uint256 commitment) internal view returns (IFeedRegistry.ObservationHeader memory header) {
        header = _header(commitment);
        header.feedId = bondedFeed;
    }

    function _signature(IFeedRegistry.ObservationHeader memory header, uint256 key)
        internal
        view
        returns (bytes memory)
    {
        return _sign(header, key).signature;
    }

    function _report(
        IFeedRegistry.ObservationHeader memory a,
        IFeedRegistry.ObservationHeader memory b,
        uint256 key,
        address by
    ) internal returns (address publisher, uint256 reward) {
        (bytes memory first, bytes memory second) = (_signature(a, key), _signature(b, key));
        vm.prank(by);
        return feeds.reportEquivocation(a, first, b, second);
    }

    function _refused(
        IFeedRegistry.ObservationHeader memory a,
        IFeedRegistry.ObservationHeader memory b,
        uint256 key,
        bytes memory reason
    ) internal {
        (bytes memory first, bytes memory second) = (_signature(a, key), _signature(b, key));
        vm.expectRevert(reason);
        feeds.reportEquivocation(a, first, b, second);
    }

    /// @dev What the registry holds is what it owes.
    function _assertSolvent() internal view {
        assertEq(address(feeds).balance, feeds.totalBonds() + feeds.totalRewards());
    }
}
