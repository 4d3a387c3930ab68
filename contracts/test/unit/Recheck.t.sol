// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {Words} from "../../src/libraries/Words.sol";
import {Base} from "../Base.sol";

/// @notice What is looked at again for observations that were fixed before, and what is not.
contract RecheckTest is Base {
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function _recheck(IFeedRegistry.ObservationHeader memory header, uint256 key) private view returns (address) {
        return feeds.recheck(header, _sign(header, key).signature);
    }

    function _set(address publisher) private pure returns (address[] memory set) {
        set = new address[](1);
        set[0] = publisher;
    }

    function testFuzz_namesTheSigner(uint256 commitment, bool second) public view {
        IFeedRegistry.ObservationHeader memory header = _header(_edgy(commitment, 0, Words.R - 1));
        assertEq(_recheck(header, second ? key2 : key1), second ? publisher2 : publisher1);
    }

    /// A rotation, even two, does not unmake what was fixed before it; nor does a bond taken out since.
    function testFuzz_outlastsRotations(uint64 overlap, uint64 later) public {
        IFeedRegistry.ObservationHeader memory header = _header(5);
        vm.startPrank(feedOwner);
        feeds.rotate(feed, _set(publisher2), uint64(_edgy(overlap, 0, feeds.MAX_OVERLAP())));
        feeds.rotate(feed, _set(publisher2), 0);
        vm.stopPrank();
        vm.warp(START + later);
        assertEq(_recheck(header, key1), publisher1);
        bytes memory signature = _sign(header, key1).signature;
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.EpochNotAccepted.selector, feed, 3, 1));
        feeds.verify(header, signature);
    }

    function testFuzz_outlastsTheBond(uint96 minBond, uint64 later) public {
        minBond = uint96(_edgy(minBond, 1, 100 ether));
        vm.prank(feedOwner);
        bytes32 bonded = feeds.createFeed("bonded", 16, PERIOD, minBond, _set(publisher1), 0);
        feeds.bond{value: minBond}(bonded, publisher1);
        IFeedRegistry.ObservationHeader memory header = _header(5);
        header.feedId = bonded;
        bytes memory signature = _sign(header, key1).signature;
        assertEq(feeds.verify(header, signature), publisher1);
        vm.prank(publisher1);
        feeds.requestUnbond(bonded, 1);
        vm.warp(START + later);
        assertEq(feeds.recheck(header, signature), publisher1);
    }

    function test_refusesRevokedPublishers() public {
        IFeedRegistry.ObservationHeader memory header = _header(5);
        bytes memory signature = _sign(header, key1).signature;
        vm.prank(feedOwner);
        feeds.revoke(feed, publisher1);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, feed, publisher1));
        feeds.recheck(header, signature);
    }

    function testFuzz_refusesStrangers(uint256 key, uint32 epoch) public {
        key = _edgy(key, 1, ORDER - 1);
        IFeedRegistry.ObservationHeader memory header = _header(5);
        if (key == key1 || key == key2) epoch = uint32(_edgy(epoch, 2, type(uint32).max));
        header.setEpoch = epoch;
        bytes memory signature = _sign(header, key).signature;
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.NotPublisher.selector, feed, epoch, vm.addr(key)));
        feeds.recheck(header, signature);
    }

    function testFuzz_refusesUnknownFeeds(bytes32 id) public {
        vm.assume(id != feed);
        IFeedRegistry.ObservationHeader memory header = _header(5);
        header.feedId = id;
        bytes memory signature = _sign(header, key1).signature;
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.NotPublisher.selector, id, 1, publisher1));
        feeds.recheck(header, signature);
    }

    function testFuzz_refusesSignatureForms(uint8 v, uint8 length) public {
        IFeedRegistry.ObservationHeader memory header = _header(5);
        bytes memory signature = _sign(header, key1).signature;
        vm.assume(length != 65);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadSignatureLength.selector, 65, length));
        feeds.recheck(header, new bytes(length));
        vm.assume(v != 27 && v != 28);
        signature[64] = bytes1(v);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadSignatureV.selector, v));
        feeds.recheck(header, signature);
    }
}
