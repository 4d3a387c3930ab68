// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaOracle} from "../../src/DodonaOracle.sol";
import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IVerifierRouter} from "../../src/interfaces/IVerifier.sol";
import {Words} from "../../src/libraries/Words.sol";
import {Base} from "../Base.sol";

contract RequestTest is Base {
    function testFuzz_storesAndEscrows(uint96 extra, uint32 gasLimit, uint64 age, address to) public {
        extra = uint96(bound(extra, 0, 10 ether));
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.callbackGasLimit = uint32(bound(gasLimit, 0, oracle.MAX_CALLBACK_GAS()));
        params.maxDataAge = age;
        params.refundTo = to;
        uint256 fee = oracle.quote(params) + extra;
        params.fee = uint96(fee);
        assertEq(oracle.quote(params), 0.001 ether + uint256(params.callbackGasLimit) * 1 gwei);
        bytes32 id = oracle.requestIdOf(user, 0, params);
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.Requested(id, model, user, 0, uint64(START), fee, directVersion, params);
        vm.prank(user);
        assertEq(oracle.request{value: fee}(params), id);

        IDodonaOracle.Request memory stored = oracle.requestOf(id);
        assertEq(uint256(stored.status), uint256(IDodonaOracle.Status.Open));
        assertEq(stored.requester, user);
        assertEq(stored.refundTo, to == address(0) ? user : to);
        assertEq(stored.fee, fee);
        assertEq(stored.createdAt, START);
        assertEq(stored.deadline, params.deadline);
        assertEq(stored.maxDataAge, age > type(uint32).max ? type(uint32).max : age);
        assertEq(stored.penalty, oracle.LEAST_PENALTY());
        assertEq(stored.feeToken, address(0));
        assertEq(stored.callbackGasLimit, params.callbackGasLimit);
        assertEq(stored.verifierVersion, directVersion);
        assertEq(stored.publicWordsHash, 0);
        assertEq(oracle.totalEscrow(address(0)), fee);
        assertEq(address(oracle).balance, fee);
        assertEq(oracle.nextNonce(), 1);
    }

    function test_idBindsChainOracleRequesterNonceAndParams() public {
        IDodonaOracle.RequestParams memory params = _params(mixedModel, AGGREGATED);
        bytes32 id = oracle.requestIdOf(user, 0, params);
        assertEq(id, keccak256(abi.encode(block.chainid, address(oracle), user, uint256(0), params)));
        assertTrue(id != oracle.requestIdOf(user, 1, params));
        assertTrue(id != oracle.requestIdOf(operator, 0, params));
        params.publicWords[1] += 1;
        assertTrue(id != oracle.requestIdOf(user, 0, params));
        params.publicWords[1] -= 1;
        vm.chainId(5);
        assertTrue(id != oracle.requestIdOf(user, 0, params));
    }

    function test_keepsHashOfPublicWords() public {
        IDodonaOracle.RequestParams memory params = _params(mixedModel, DIRECT);
        bytes32 id = _request(params);
        assertEq(oracle.requestOf(id).publicWordsHash, keccak256(abi.encodePacked(params.publicWords)));
    }

    function testFuzz_revertsIfFeeTooLow(uint256 fee, bool aggregate) public {
        IDodonaOracle.RequestParams memory params = _params(model, aggregate ? 1 : 0);
        uint256 expected = oracle.quote(params);
        fee = bound(fee, 0, expected - 1);
        params.fee = uint96(fee);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.FeeTooLow.selector, expected, fee));
        vm.prank(user);
        oracle.request{value: fee}(params);
    }

    function testFuzz_revertsIfValueIsNotTheFee(uint256 value) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        value = bound(value, 0, 1 ether);
        vm.assume(value != params.fee);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.ValueMismatch.selector, params.fee, value));
        vm.prank(user);
        oracle.request{value: value}(params);
    }

    /// The book holds 2^96 - 1 of a token, escrow and credits together: moving one to the other can never overflow.
    function testFuzz_revertsIfTheBookIsFull(uint96 first) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        first = uint96(bound(first, type(uint96).max - params.fee + 1, type(uint96).max));
        vm.deal(user, type(uint128).max);
        uint96 second = params.fee;
        params.fee = first;
        vm.prank(user);
        oracle.request{value: first}(params);
        params.fee = second;
        vm.expectRevert(
            abi.encodeWithSelector(
                IDodonaOracle.BookFull.selector, address(0), type(uint96).max, uint256(first) + second
            )
        );
        vm.prank(user);
        oracle.request{value: second}(params);
    }

    function testFuzz_revertsIfPenaltyTooHigh(uint96 penalty) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.penalty = uint96(bound(penalty, oracle.MAX_PENALTY() + 1, type(uint96).max));
        vm.expectRevert(
            abi.encodeWithSelector(IDodonaOracle.PenaltyTooHigh.selector, oracle.MAX_PENALTY(), params.penalty)
        );
        vm.prank(user);
        oracle.request{value: params.fee}(params);
    }

    function testFuzz_keepsPenaltyAndBaseFee(uint96 penalty, uint256 baseFee) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.penalty = uint96(bound(penalty, 0, oracle.MAX_PENALTY()));
        baseFee = bound(baseFee, 0, type(uint64).max);
        vm.fee(baseFee);
        IDodonaOracle.Request memory stored = oracle.requestOf(_request(params));
        uint96 least = oracle.LEAST_PENALTY();
        assertEq(stored.penalty, params.penalty < least ? least : params.penalty);
        assertEq(stored.baseFee, baseFee > type(uint40).max ? type(uint40).max : baseFee);
        assertEq(stored.refundTo, user);
    }

    function testFuzz_revertsIfTokenNotListed(address token) public {
        vm.assume(token != address(0));
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.feeToken = token;
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.TokenNotListed.selector, token));
        vm.prank(user);
        oracle.request(params);
    }

    function testFuzz_revertsIfVersionFrozen(bool aggregate) public {
        IDodonaOracle.RequestParams memory params = _params(model, aggregate ? AGGREGATED : DIRECT);
        params.verifierVersion = aggregate ? aggregatedVersion : directVersion;
        _freezeVersion(params.verifierVersion);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.VersionFrozen.selector, params.verifierVersion));
        vm.prank(user);
        oracle.request{value: params.fee}(params);
    }

    function testFuzz_revertsIfModeUnknown(uint8 mode) public {
        mode = uint8(bound(mode, 2, 255));
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.mode = mode;
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.UnknownMode.selector, mode));
        vm.prank(user);
        oracle.request{value: params.fee}(params);
    }

    function testFuzz_revertsIfDeadlineOutOfRange(uint64 deadline, bool past) public {
        uint256 latest = START + oracle.MAX_LIFETIME();
        deadline = uint64(past ? bound(deadline, 0, START) : bound(deadline, latest + 1, type(uint64).max));
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.deadline = deadline;
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.DeadlineOutOfRange.selector, START + 1, latest, deadline));
        vm.prank(user);
        oracle.request{value: 1 ether}(params);
    }

    function testFuzz_revertsIfCallbackGasTooHigh(uint32 gasLimit) public {
        uint32 max = oracle.MAX_CALLBACK_GAS();
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.callbackGasLimit = uint32(bound(gasLimit, max + 1, type(uint32).max));
        params.fee = 10 ether;
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.CallbackGasTooHigh.selector, max, params.callbackGasLimit));
        vm.prank(user);
        oracle.request{value: 10 ether}(params);
    }

    function testFuzz_revertsIfModelUnknown(bytes32 id) public {
        vm.assume(!models.exists(id));
        IDodonaOracle.RequestParams memory params = _params(id, DIRECT);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelUnknown.selector, id));
        vm.prank(user);
        oracle.request{value: 1 ether}(params);
    }

    function test_revertsIfModelDeprecated() public {
        vm.prank(author);
        models.deprecate(model, 0, uint64(block.timestamp + 7 days));
        vm.warp(block.timestamp + 7 days);
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelDeprecated.selector, model));
        vm.prank(user);
        oracle.request{value: 1 ether}(params);
    }

    function testFuzz_revertsIfModeNotSupported(bool aggregate) public {
        IModelRegistry.ModelSpec memory spec = _spec(_committed(1), 2);
        if (aggregate) {
            spec.vkDigests = new uint256[](0);
            spec.shape = 0;
        } else {
            spec.directVerifierCodeHash = 0;
            spec.directProofLength = 0;
        }
        bytes32 id = _register(spec);
        uint8 mode = aggregate ? AGGREGATED : DIRECT;
        IDodonaOracle.RequestParams memory params = _params(id, mode);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.ModeNotSupported.selector, id, mode));
        vm.prank(user);
        oracle.request{value: 1 ether}(params);
    }

    function testFuzz_revertsIfVersionServesAnotherMode(bool aggregate) public {
        IDodonaOracle.RequestParams memory params = _params(model, aggregate ? AGGREGATED : DIRECT);
        params.verifierVersion = aggregate ? directVersion : aggregatedVersion;
        vm.expectRevert(
            abi.encodeWithSelector(
                IDodonaOracle.VerifierVersionMismatch.selector,
                params.verifierVersion,
                params.mode,
                aggregate ? SHAPE : 0
            )
        );
        vm.prank(user);
        oracle.request{value: 1 ether}(params);
    }

    function testFuzz_revertsIfVersionUnknown(uint32 version) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.verifierVersion = uint32(bound(version, 3, type(uint32).max));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.VersionUnknown.selector, params.verifierVersion));
        vm.prank(user);
        oracle.request{value: 1 ether}(params);
    }

    function testFuzz_revertsOnPublicWordCount(uint8 count) public {
        count = uint8(bound(count, 0, 20));
        vm.assume(count != 2);
        IDodonaOracle.RequestParams memory params = _params(mixedModel, DIRECT);
        params.publicWords = new uint256[](count);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.PublicWordCount.selector, 2, count));
        vm.prank(user);
        oracle.request{value: 1 ether}(params);
    }

    function testFuzz_revertsOnPublicWordOutsideField(uint256 word, bool second) public {
        uint256 at = second ? 1 : 0;
        word = bound(word, Words.R, type(uint256).max);
        IDodonaOracle.RequestParams memory params = _params(mixedModel, DIRECT);
        params.publicWords[at] = word;
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.WordNotInField.selector, at, word));
        vm.prank(user);
        oracle.request{value: 1 ether}(params);
    }

    function testFuzz_pricesAreTheOwnersAlone(address caller) public {
        vm.assume(caller != owner);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        oracle.setPrices(address(0), IDodonaOracle.Prices(1, 2, 3, true));
    }

    function testFuzz_refusesPricesThatDoNotFit(uint64 price) public {
        price = uint64(bound(price, uint256(type(uint56).max) + 1, type(uint64).max));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.PriceTooHigh.selector, type(uint56).max, price));
        vm.prank(owner);
        oracle.setPrices(address(0), IDodonaOracle.Prices(1, 2, price, true));
    }

    function testFuzz_refusesTokensWithoutCode(address token) public {
        vm.assume(token.code.length == 0 && token != address(0));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NotAToken.selector, token));
        vm.prank(owner);
        oracle.setPrices(token, IDodonaOracle.Prices(1, 2, 3, true));
    }

    function testFuzz_keepsPrices(uint96 a, uint96 b, uint56 c, bool listed) public {
        IDodonaOracle.Prices memory prices = IDodonaOracle.Prices(a, b, c, listed);
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.PricesSet(address(0), prices);
        vm.prank(owner);
        oracle.setPrices(address(0), prices);
        assertEq(abi.encode(oracle.pricesOf(address(0))), abi.encode(prices));
    }

    function test_delistingEthTouchesNewRequestsOnly() public {
        Delivery memory d = _prove(_delivery(_request(_params(model, DIRECT)), model, DIRECT));
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        vm.prank(owner);
        oracle.setPrices(address(0), IDodonaOracle.Prices(0, 0, 0, false));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.TokenNotListed.selector, address(0)));
        vm.prank(user);
        oracle.request{value: params.fee}(params);
        _fulfil(d);
        assertEq(oracle.creditOf(address(0), operator), 0.001 ether);
    }

    function testFuzz_refusesToBeDeployedOverOtherFeeds(address other) public {
        vm.assume(other != address(feeds));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.FeedRegistryMismatch.selector, address(feeds), other));
        new DodonaOracle(owner, models, IFeedRegistry(other), router, staking, _ethPrices());
    }

    function test_newPricesLeaveOpenRequestsAlone() public {
        bytes32 id = _request(_params(model, DIRECT));
        vm.prank(owner);
        oracle.setPrices(address(0), IDodonaOracle.Prices(5 ether, 6 ether, 7, true));
        assertEq(oracle.requestOf(id).fee, 0.001 ether);
        assertEq(oracle.quote(_params(model, AGGREGATED)), 6 ether);
    }
}
