// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {Words} from "../../src/libraries/Words.sol";
import {Base} from "../Base.sol";

contract FeedRegistryTest is Base {
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function _set(address publisher) internal pure returns (address[] memory set) {
        set = new address[](1);
        set[0] = publisher;
    }

    function _verify(IFeedRegistry.ObservationHeader memory header, uint256 key) internal view returns (address) {
        return feeds.verify(header, _sign(header, key).signature);
    }

    function _refused(IFeedRegistry.ObservationHeader memory header, bytes memory reason) internal {
        bytes memory signature = _sign(header, key1).signature;
        vm.expectRevert(reason);
        feeds.verify(header, signature);
    }

    function testFuzz_namesTheSigner(uint256 commitment, bool second) public view {
        IFeedRegistry.ObservationHeader memory header = _header(_edgy(commitment, 0, Words.R - 1));
        assertEq(_verify(header, second ? key2 : key1), second ? publisher2 : publisher1);
    }

    /// The digest, written out as EIP-712 says.
    function test_digestIsEip712() public view {
        IFeedRegistry.ObservationHeader memory h = _header(5);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Dodona FeedRegistry"),
                keccak256("1"),
                block.chainid,
                address(feeds)
            )
        );
        bytes32 inner = keccak256(
            abi.encode(
                keccak256(
                    "ObservationHeader(bytes32 feedId,uint32 setEpoch,uint64 seq,uint256 commitment,uint64 observedAt,uint64 validUntil)"
                ),
                h.feedId,
                h.setEpoch,
                h.seq,
                h.commitment,
                h.observedAt,
                h.validUntil
            )
        );
        assertEq(feeds.domainSeparator(), domain);
        assertEq(feeds.digestOf(h), keccak256(abi.encodePacked(hex"1901", domain, inner)));
        assertEq(feeds.schemaField(feed), uint256(keccak256("schema")) >> 8);
    }

    function testFuzz_refusesAChangedHeader(uint256 commitment) public {
        commitment = _edgy(commitment, 0, Words.R - 1);
        vm.assume(commitment != 5);
        bytes memory signature = _sign(_header(5), key1).signature;
        vm.expectPartialRevert(IFeedRegistry.NotPublisher.selector);
        feeds.verify(_header(commitment), signature);
    }

    function testFuzz_refusesSignatureLength(uint8 length) public {
        vm.assume(length != 65);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadSignatureLength.selector, 65, length));
        feeds.verify(_header(5), new bytes(length));
    }

    function testFuzz_refusesV(uint8 v) public {
        vm.assume(v != 27 && v != 28);
        bytes memory signature = _sign(_header(5), key1).signature;
        signature[64] = bytes1(v);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadSignatureV.selector, v));
        feeds.verify(_header(5), signature);
    }

    /// The same signature's other form recovers to the same signer, and is refused.
    function test_refusesHighS() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key1, feeds.digestOf(_header(5)));
        bytes32 high = bytes32(ORDER - uint256(s));
        uint8 other = v == 27 ? 28 : 27;
        assertEq(ecrecover(feeds.digestOf(_header(5)), other, r, high), publisher1);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadSignatureS.selector, high));
        feeds.verify(_header(5), abi.encodePacked(r, high, other));
    }

    function test_refusesWhatRecoversToNobody() public {
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadSignature.selector));
        feeds.verify(_header(5), abi.encodePacked(bytes32(0), bytes32(uint256(1)), uint8(27)));
    }

    function testFuzz_refusesStrangers(uint256 key) public {
        key = _edgy(key, 1, ORDER - 1);
        vm.assume(key != key1 && key != key2);
        bytes memory signature = _sign(_header(5), key).signature;
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.NotPublisher.selector, feed, 1, vm.addr(key)));
        feeds.verify(_header(5), signature);
    }

    function testFuzz_refusesTimeThatIsNotTheSequences(uint64 observedAt) public {
        IFeedRegistry.ObservationHeader memory header = _header(5);
        vm.assume(observedAt != header.observedAt);
        uint256 expected = header.observedAt;
        header.observedAt = observedAt;
        _refused(header, abi.encodeWithSelector(IFeedRegistry.ObservedAtMismatch.selector, expected, observedAt));
    }

    function testFuzz_refusesTheFuture(uint64 seq) public {
        IFeedRegistry.ObservationHeader memory header = _header(5);
        header.seq = uint64(_edgy(seq, header.seq + 1, type(uint64).max / PERIOD));
        header.observedAt = header.seq * PERIOD;
        header.validUntil = type(uint64).max;
        uint256 latest = START + feeds.MAX_SKEW();
        _refused(header, abi.encodeWithSelector(IFeedRegistry.ObservedInFuture.selector, latest, header.observedAt));
        vm.warp(uint256(header.observedAt) - feeds.MAX_SKEW());
        assertEq(_verify(header, key1), publisher1);
    }

    function testFuzz_refusesValidityBeforeObservation(uint64 validUntil) public {
        IFeedRegistry.ObservationHeader memory header = _header(5);
        header.validUntil = uint64(_edgy(validUntil, 0, header.observedAt - 1));
        _refused(
            header,
            abi.encodeWithSelector(
                IFeedRegistry.ValidityBeforeObservation.selector, header.observedAt, header.validUntil
            )
        );
    }

    function testFuzz_refusesCommitmentOutsideField(uint256 commitment) public {
        IFeedRegistry.ObservationHeader memory header = _header(_edgy(commitment, Words.R, type(uint256).max));
        _refused(header, abi.encodeWithSelector(IFeedRegistry.CommitmentNotInField.selector, header.commitment));
    }

    function testFuzz_refusesUnknownFeed(bytes32 id) public {
        vm.assume(id != feed);
        IFeedRegistry.ObservationHeader memory header = _header(5);
        header.feedId = id;
        _refused(header, abi.encodeWithSelector(IFeedRegistry.FeedUnknown.selector, id));
    }

    function testFuzz_refusesOtherEpochs(uint32 epoch) public {
        vm.assume(epoch != 1);
        IFeedRegistry.ObservationHeader memory header = _header(5);
        header.setEpoch = epoch;
        _refused(header, abi.encodeWithSelector(IFeedRegistry.EpochNotAccepted.selector, feed, 1, epoch));
    }

    function testFuzz_rotationOverlaps(uint64 overlap, uint64 later) public {
        overlap = uint64(_edgy(overlap, 0, 1 days));
        later = uint64(_edgy(later, 0, 2 days));
        vm.prank(feedOwner);
        assertEq(feeds.rotate(feed, _set(publisher2), overlap), 2);
        vm.warp(START + later);
        IFeedRegistry.ObservationHeader memory header = _header(5);
        if (header.observedAt <= START + overlap) {
            assertEq(_verify(header, key1), publisher1);
        } else {
            _refused(header, abi.encodeWithSelector(IFeedRegistry.EpochNotAccepted.selector, feed, 2, 1));
        }
        header.setEpoch = 2;
        assertEq(_verify(header, key2), publisher2);
        _refused(header, abi.encodeWithSelector(IFeedRegistry.NotPublisher.selector, feed, 2, publisher1));
    }

    function testFuzz_refusesLongOverlaps(uint64 overlap) public {
        uint64 most = feeds.MAX_OVERLAP();
        overlap = uint64(_edgy(overlap, most + 1, type(uint64).max));
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.OverlapTooLong.selector, most, overlap));
        vm.prank(feedOwner);
        feeds.rotate(feed, _set(publisher2), overlap);
    }

    function testFuzz_refusesToRotateAndRevokeUnknownFeeds(bytes32 id) public {
        vm.assume(id != feed);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.FeedUnknown.selector, id));
        feeds.rotate(id, _set(publisher2), 0);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.FeedUnknown.selector, id));
        feeds.revoke(id, publisher1);
    }

    function testFuzz_refusesToRevokeTwice(address publisher) public {
        vm.startPrank(feedOwner);
        vm.expectEmit(address(feeds));
        emit IFeedRegistry.PublisherRevoked(feed, publisher);
        feeds.revoke(feed, publisher);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, feed, publisher));
        feeds.revoke(feed, publisher);
    }

    function test_anEpochTwoBackIsOver() public {
        vm.startPrank(feedOwner);
        feeds.rotate(feed, _set(publisher2), 1 days);
        feeds.rotate(feed, _set(publisher2), 1 days);
        vm.stopPrank();
        _refused(_header(5), abi.encodeWithSelector(IFeedRegistry.EpochNotAccepted.selector, feed, 3, 1));
    }

    function test_revocationIsForAllEpochs() public {
        vm.startPrank(feedOwner);
        feeds.revoke(feed, publisher1);
        _refused(_header(5), abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, feed, publisher1));
        vm.startPrank(feedOwner);
        feeds.rotate(feed, _set(publisher1), 0);
        IFeedRegistry.ObservationHeader memory header = _header(5);
        header.setEpoch = 2;
        _refused(header, abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, feed, publisher1));
        assertFalse(feeds.isPublisher(feed, 2, publisher1));
    }

    function testFuzz_onlyTheOwnerRotatesAndRevokes(address caller) public {
        vm.assume(caller != feedOwner);
        vm.startPrank(caller);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.NotFeedOwner.selector, feedOwner, caller));
        feeds.rotate(feed, _set(publisher1), 0);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.NotFeedOwner.selector, feedOwner, caller));
        feeds.revoke(feed, publisher1);
    }

    function testFuzz_creates(bytes32 schema, uint32 length, uint64 period, uint96 minBond, bytes32 salt, address by)
        public
    {
        vm.assume(schema != 0 && period != 0);
        length = uint32(_edgy(length, 1, 1 << 16));
        bytes32 id = keccak256(abi.encode(by, schema, length, period, minBond, salt));
        vm.assume(id != feed);
        vm.startPrank(by);
        assertEq(feeds.createFeed(schema, length, period, minBond, _set(publisher1), salt), id);
        IFeedRegistry.Feed memory created = feeds.feedOf(id);
        assertEq(created.owner, by);
        assertEq(created.epoch, 1);
        assertEq(created.period, period);
        assertEq(created.minBond, minBond);
        assertEq(created.previousUntil, 0);
        assertTrue(feeds.isPublisher(id, 1, publisher1));
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.FeedExists.selector, id));
        feeds.createFeed(schema, length, period, minBond, _set(publisher1), salt);
    }

    function test_refusesBadFeeds() public {
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadFeed.selector, "schemaHash", 0));
        feeds.createFeed(0, 1, 1, 0, _set(publisher1), 0);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadFeed.selector, "length", 0));
        feeds.createFeed("s", 0, 1, 0, _set(publisher1), 0);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadFeed.selector, "length", 65_537));
        feeds.createFeed("s", 65_537, 1, 0, _set(publisher1), 0);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadFeed.selector, "period", 0));
        feeds.createFeed("s", 1, 0, 0, _set(publisher1), 0);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadFeed.selector, "publishers", 0));
        feeds.createFeed("s", 1, 1, 0, new address[](0), 0);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadFeed.selector, "publishers", 33));
        feeds.createFeed("s", 1, 1, 0, new address[](33), 0);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadFeed.selector, "publisher", 0));
        feeds.createFeed("s", 1, 1, 0, new address[](1), 0);
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (publisher1, publisher1);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.DuplicatePublisher.selector, publisher1));
        feeds.createFeed("s", 1, 1, 0, twice, 0);
    }
}
