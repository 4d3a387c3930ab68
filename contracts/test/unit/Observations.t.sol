// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {Base} from "../Base.sol";

/// @notice What `fulfil` asks of observations. Each delivery is "proved" as it stands, so that only the observation is
/// wrong.
contract ObservationsTest is Base {
    function _open(bytes32 modelId) internal returns (Delivery memory) {
        return _delivery(_request(_params(modelId, DIRECT)), modelId, DIRECT);
    }

    function _headerAt(uint64 seq) internal view returns (IFeedRegistry.ObservationHeader memory header) {
        header = _header(7_001);
        header.seq = seq;
        header.observedAt = seq * PERIOD;
        header.validUntil = header.observedAt + 1 days;
    }

    function testFuzz_acceptsOnlyTheWindow(uint64 back, uint64 maxAge) public {
        maxAge = uint64(bound(maxAge, 0, 1 days));
        back = uint64(bound(back, 0, 2 days / PERIOD));
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.maxDataAge = maxAge;
        Delivery memory d = _delivery(_request(params), model, DIRECT);
        IFeedRegistry.ObservationHeader memory header = _headerAt(uint64(START) / PERIOD - back);
        header.validUntil = uint64(START);
        d.slots[0].observations[0] = _sign(header, key1);
        _prove(d);
        uint256 earliest = START - maxAge;
        if (header.observedAt < earliest) {
            _expectFulfilRevert(
                d,
                abi.encodeWithSelector(
                    IDodonaOracle.ObservationOutOfWindow.selector, d.ids[0], earliest, START, header.observedAt
                )
            );
        } else {
            _fulfil(d);
            assertEq(oracle.answerOf(d.ids[0]).observedAt, header.observedAt);
        }
    }

    function testFuzz_laterObservationOnlyTheFirstAndOnlyIfAsked(uint8 periods, bool allow) public {
        periods = uint8(bound(periods, 1, 5));
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.allowLater = allow;
        Delivery memory d = _delivery(_request(params), model, DIRECT);
        IFeedRegistry.ObservationHeader memory header = _headerAt(uint64(START) / PERIOD + periods);
        vm.warp(header.observedAt + 1);
        d.slots[0].observations[0] = _sign(header, key1);
        _prove(d);
        if (allow && periods == 1) {
            _fulfil(d);
            return;
        }
        uint256 latest = allow ? START + PERIOD : START;
        _expectFulfilRevert(
            d,
            abi.encodeWithSelector(
                IDodonaOracle.ObservationOutOfWindow.selector,
                d.ids[0],
                START - params.maxDataAge,
                latest,
                header.observedAt
            )
        );
    }

    function testFuzz_refusesNoLongerValid(uint64 validUntil) public {
        Delivery memory d = _open(model);
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        header.validUntil = uint64(bound(validUntil, header.observedAt, START - 1));
        d.slots[0].observations[0] = _sign(header, key1);
        _prove(d);
        _expectFulfilRevert(
            d,
            abi.encodeWithSelector(IDodonaOracle.ObservationNoLongerValid.selector, d.ids[0], START, header.validUntil)
        );
    }

    function testFuzz_refusesDeliveredTooLate(uint64 wait, uint64 maxAge) public {
        maxAge = uint64(bound(maxAge, 31, 3_000));
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.maxDeliveryAge = maxAge;
        Delivery memory d = _prove(_delivery(_request(params), model, DIRECT));
        uint64 observedAt = d.slots[0].observations[0].header.observedAt;
        vm.warp(bound(wait, uint256(observedAt) + maxAge + 1, START + 1 hours));
        _expectFulfilRevert(
            d,
            abi.encodeWithSelector(
                IDodonaOracle.DeliveredTooLate.selector, d.ids[0], block.timestamp - maxAge, observedAt
            )
        );
        vm.warp(uint256(observedAt) + maxAge);
        _fulfil(d);
    }

    function testFuzz_refusesUnsigned(uint256 key) public {
        key = bound(key, 1, 1 << 128);
        Delivery memory d = _open(model);
        d.slots[0].observations[0] = _sign(_header(7_001), key);
        _prove(d);
        _expectFulfilRevert(d, abi.encodeWithSelector(IFeedRegistry.NotPublisher.selector, feed, 1, vm.addr(key)));
    }

    function test_refusesPublisherRevokedAfterSigning() public {
        Delivery memory d = _prove(_open(model));
        vm.prank(feedOwner);
        feeds.revoke(feed, publisher1);
        _expectFulfilRevert(d, abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, feed, publisher1));
    }

    function test_refusesOtherFeed() public {
        address[] memory publishers = new address[](1);
        publishers[0] = publisher1;
        vm.prank(feedOwner);
        bytes32 other = feeds.createFeed(keccak256("other"), 16, PERIOD, 0, publishers, 0);
        Delivery memory d = _open(model);
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        header.feedId = other;
        d.slots[0].observations[0] = _sign(header, key1);
        _prove(d);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.WrongFeed.selector, d.ids[0], 0, feed, other));
    }

    function testFuzz_refusesUnderQuorum(uint8 count) public {
        count = uint8(bound(count, 0, 6));
        vm.assume(count != 2);
        Delivery memory d = _open(quorumModel);
        d.slots[0].observations = new IDodonaOracle.SignedHeader[](count);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ObservationCount.selector, d.ids[0], 2, count));
    }

    /// One publisher fills both slots of a quorum of two.
    function testFuzz_refusesSamePublisherTwice(uint256 commitment) public {
        commitment = bound(commitment, 0, 1 << 250);
        Delivery memory d = _open(quorumModel);
        d.slots[0].observations[1] = _sign(_header(commitment), key1);
        _prove(d);
        _expectFulfilRevert(
            d, abi.encodeWithSelector(IDodonaOracle.PublisherNotDistinct.selector, d.ids[0], publisher1)
        );
    }

    function testFuzz_refusesMixedTimes(uint8 back) public {
        back = uint8(bound(back, 1, 9));
        Delivery memory d = _open(quorumModel);
        IFeedRegistry.ObservationHeader memory header = _headerAt(uint64(START) / PERIOD - back);
        d.slots[0].observations[1] = _sign(header, key2);
        _prove(d);
        _expectFulfilRevert(
            d,
            abi.encodeWithSelector(
                IDodonaOracle.MixedObservations.selector,
                d.ids[0],
                d.slots[0].observations[0].header.observedAt,
                header.observedAt
            )
        );
    }

    function test_reportsTheShortestValidity() public {
        Delivery memory d = _open(quorumModel);
        IFeedRegistry.ObservationHeader memory header = _header(9);
        header.validUntil = uint64(START + 5);
        d.slots[0].observations[1] = _sign(header, key2);
        _fulfil(_prove(d));
        assertEq(oracle.answerOf(d.ids[0]).validUntil, START + 5);
    }
}
